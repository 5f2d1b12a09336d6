"""The command line. It asks keepwell.app and shows the answer; it decides nothing by itself."""

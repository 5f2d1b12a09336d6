"""The daily pass: facts to metric values to scores to history, for one day or many."""

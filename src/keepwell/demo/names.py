"""Invented names of companies and people, and the titles they carry."""

from __future__ import annotations

from random import Random

PLACES = (
    "Alder", "Amber", "Anchor", "Aspen", "Beacon", "Birch", "Bramble", "Bridge", "Brook",
    "Canyon", "Cedar", "Cinder", "Clover", "Copper", "Coral", "Crane", "Delta", "Drift", "Dune",
    "Elm", "Ember", "Falcon", "Fern", "Field", "Fjord", "Flint", "Garnet", "Glen", "Granite",
    "Grove", "Gull", "Hazel", "Heron", "Hollow", "Indigo", "Iron", "Ivory", "Jasper", "Juniper",
    "Kestrel", "Lake", "Larch", "Linden", "Maple", "Marble", "Meadow", "Mill", "Moss", "North",
    "Oak", "Onyx", "Orchard", "Osprey", "Otter", "Pebble", "Pine", "Poplar", "Quarry", "Raven",
    "Reed", "Ridge", "River", "Rowan", "Saffron", "Sage", "Silver", "Slate", "Sparrow", "Spruce",
    "Stone", "Summit", "Swift", "Tamar", "Thistle", "Timber", "Umber", "Vale", "Violet", "Walnut",
    "Willow", "Wren", "Yarrow", "Zephyr",
)  # fmt: skip

TRADES: dict[str, tuple[str, ...]] = {
    "retail": ("Outfitters", "Stores", "Market", "Goods"),
    "hospitality": ("Kitchens", "Hotels", "Taverns", "Lodges"),
    "logistics": ("Freight", "Haulage", "Parcels", "Shipping"),
    "manufacturing": ("Works", "Tools", "Components", "Foundry"),
    "professional_services": ("Partners", "Advisory", "Consulting", "Associates"),
    "healthcare": ("Clinics", "Care", "Dental", "Medical"),
    "software": ("Systems", "Software", "Labs", "Data"),
    "education": ("Academy", "College", "Schools", "Learning"),
}

LEGAL = {"UK": "Ltd", "DACH": "GmbH", "Nordics": "AB", "US": "Inc", "APAC": "Pte"}

GIVEN: dict[str, tuple[str, ...]] = {
    "UK": ("Amelia", "Callum", "Daniel", "Ellie", "Fiona", "George", "Hannah", "Isla", "Jack",
           "Kiran", "Lewis", "Maya", "Nadia", "Oliver", "Priya", "Rhys", "Sophie", "Tom"),
    "DACH": ("Anja", "Bernd", "Clara", "Dieter", "Elif", "Florian", "Greta", "Heike", "Jonas",
             "Katrin", "Lukas", "Mareike", "Nico", "Petra", "Ralf", "Sabine", "Tobias", "Ute"),
    "Nordics": ("Astrid", "Bjorn", "Camilla", "Elias", "Freja", "Gustav", "Hedda", "Ingrid",
                "Jens", "Karin", "Lars", "Maja", "Nils", "Oskar", "Sigrid", "Tove"),
    "US": ("Aaron", "Brianna", "Carlos", "Dana", "Ethan", "Grace", "Hector", "Imani", "Jordan",
           "Kayla", "Luis", "Megan", "Noah", "Olivia", "Ryan", "Tasha", "Victor", "Wendy"),
    "APAC": ("Aditi", "Andi", "Bayu", "Budi", "Chloe", "Dewi", "Eko", "Farah", "Hui", "Jin",
             "Kenji", "Lestari", "Mei", "Nadira", "Putri", "Ravi", "Siti", "Wei"),
}  # fmt: skip

FAMILY: dict[str, tuple[str, ...]] = {
    "UK": ("Barker", "Clarke", "Dawson", "Evans", "Foster", "Gibbs", "Hughes", "Jarvis", "Khan",
           "Lamb", "Morris", "Nash", "Patel", "Reid", "Shaw", "Turner", "Webb", "Young"),
    "DACH": ("Auer", "Becker", "Conrad", "Dietz", "Engel", "Frank", "Gruber", "Huber", "Jung",
             "Keller", "Lang", "Maier", "Neumann", "Pohl", "Richter", "Simon", "Vogel", "Wolf"),
    "Nordics": ("Ahlberg", "Berg", "Dahl", "Ek", "Falk", "Gran", "Holm", "Isaksen", "Juhl",
                "Krogh", "Lind", "Moen", "Nyberg", "Olsen", "Rask", "Strand", "Vik"),
    "US": ("Adams", "Brooks", "Cole", "Diaz", "Ellis", "Flores", "Grant", "Hayes", "Irwin",
           "Jensen", "Kim", "Lopez", "Mason", "Nguyen", "Ortiz", "Price", "Ross", "Wells"),
    "APAC": ("Ang", "Chan", "Darma", "Goh", "Hartono", "Iyer", "Lim", "Mehta", "Ng", "Pratama",
             "Rao", "Santoso", "Tan", "Utama", "Wijaya", "Wong", "Yusuf"),
}  # fmt: skip

DEPARTMENTS = ("operations", "finance", "sales", "it", "marketing", "supply_chain")

TITLES: dict[str, tuple[str, ...]] = {
    "c_level": ("Chief Executive", "Chief Operating Officer", "Chief Financial Officer"),
    "vp": ("VP Operations", "VP Finance", "VP Commercial"),
    "director": ("Director of Operations", "Director of Finance", "Director of Data"),
    "manager": ("Operations Manager", "Finance Manager", "Analytics Manager"),
    "ic": ("Analyst", "Controller", "Planner", "Coordinator", "Specialist"),
    "unknown": ("",),
}


def company_names(count: int, industries: list[str], chance: Random) -> list[str]:
    """As many distinct names as asked for, each fitting its industry."""
    places = list(PLACES)
    chance.shuffle(places)
    taken: set[str] = set()
    names = []
    for i in range(count):
        trades = TRADES[industries[i]]
        name = f"{places[i % len(places)]} {trades[chance.randrange(len(trades))]}"
        while name in taken:
            name = f"{name.split()[0]} & {chance.choice(places)} {name.split()[-1]}"
        taken.add(name)
        names.append(name)
    return names


def full_name(region: str, chance: Random) -> str:
    """A person's name as it may be heard in that region."""
    return f"{chance.choice(GIVEN[region])} {chance.choice(FAMILY[region])}"


def domain_of(company: str) -> str:
    """A web address that nobody can own."""
    return company.lower().replace(" & ", "-").replace(" ", "-") + ".example"

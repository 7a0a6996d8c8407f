//! The words that names and items are made of.

/// First names.
pub(crate) const FIRST_NAMES: [&str; 16] = [
    "Ada", "Bela", "Cleo", "Dario", "Edda", "Finn", "Greta", "Hugo", "Ines", "Jonas", "Kaya", "Levi", "Mina", "Noor",
    "Otis", "Pia",
];

/// Last names.
pub(crate) const LAST_NAMES: [&str; 16] = [
    "Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Gorse", "Hazel", "Ivy", "Juniper", "Larch", "Maple", "Oak",
    "Poplar", "Rowan", "Willow",
];

/// Cities and the states they lie in.
pub(crate) const CITIES: [(&str, &str); 12] = [
    ("Phoenix", "AZ"),
    ("Tucson", "AZ"),
    ("Los Angeles", "CA"),
    ("San Francisco", "CA"),
    ("Boise", "ID"),
    ("Portland", "OR"),
    ("Bend", "OR"),
    ("Eugene", "OR"),
    ("Kent", "WA"),
    ("Redmond", "WA"),
    ("Seattle", "WA"),
    ("Cheyenne", "WY"),
];

/// What an item looks like.
pub(crate) const LOOKS: [&str; 12] = [
    "black", "blue", "brass", "carved", "copper", "green", "painted", "plain", "red", "silver", "striped", "white",
];

/// What is sold.
pub(crate) const THINGS: [&str; 16] = [
    "armchair",
    "atlas",
    "bicycle",
    "camera",
    "chess set",
    "clock",
    "globe",
    "kettle",
    "lamp",
    "lute",
    "mirror",
    "radio",
    "rug",
    "telescope",
    "typewriter",
    "vase",
];

/// Where an item comes from.
pub(crate) const ORIGINS: [&str; 8] = [
    "from an attic",
    "from a barn",
    "from a boat",
    "from a hotel",
    "from a library",
    "from a museum",
    "from a school",
    "from a theatre",
];

/// How well it is.
pub(crate) const STATES_OF_REPAIR: [&str; 6] = [
    "as new",
    "lightly used",
    "needs a part",
    "restored",
    "well kept",
    "well worn",
];

"""The words that the tagger knows, by part of speech (Universal POS tags).

Every word in none of these lists is a noun, unless its ending or its place
says otherwise: prompts name things, and nouns are the open class.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


DETERMINERS = _words("a an the this these those every each some any no another many all both")
NUMBERS = _words("one two three four five six seven eight nine ten")
PRONOUNS = _words("i you he she it we they him us them who which that what")
POSSESSIVES = _words("my your his her its our their")
CONJUNCTIONS = _words("and or but")
SUBORDINATORS = _words("while as because although when where if until")
AUXILIARIES = _words("is are was were be been being am has have had does do did will would")
PREPOSITIONS = _words(
    "of on in with to for by at from between over down up above near through across against onto "
    "into out below around behind beside under inside along beneath among toward towards without "
    "within like upon off during beyond than underneath "
    "before after atop amid"
)

ADVERBS = _words(
    "almost alone also away backward even firmly forward here just low nearby next not otherwise so "
    "still then there together too very well"
)
"""Adverbs that do not end in -ly."""

ADVERB_LIKE_ADJECTIVES = _words(
    "early daily lively lovely lonely friendly chilly prickly silly ugly curly unlikely likely oily "
    "holy hilly bubbly wobbly smelly woolly heavenly crumbly bristly elderly"
)
"""They end in -ly and are adjectives."""
ADVERB_LIKE_NOUNS = _words("lily fly family butterfly jelly belly bully supply assembly rally ally dragonfly")

COLOURS = _words(
    "red orange yellow green blue purple pink brown black white gray grey beige tan golden silver "
    "gold whitish turquoise violet maroon teal navy cyan magenta crimson scarlet ivory"
)

ADJECTIVES = (
    COLOURS
    | ADVERB_LIKE_ADJECTIVES
    | _words(
        # shape and size
        "big small tall short long large tiny huge little round oval square rectangular triangular "
        "circular cubic cylindrical conical spherical pyramidal pentagonal hexagonal octagonal oblong "
        "curved straight narrow wide thick thin deep high jagged rounded angular curvy flat spiky "
        "pointed sloped vast giant miniature slender bulky lumpy bumpy hollow plump"
    )
    | _words(
        # material and texture
        "wooden metallic fluffy soft rough smooth hard striped tiled silky fuzzy furry glossy shiny "
        "matte translucent opaque iridescent crisp crispy crunchy sticky slimy greasy juicy icy "
        "slushy rocky sandy woolen textured polished rusty rusted cracked peeling dusty thorny "
        "prickly gnarled weathered stainless checkered spotted dotted plush pillowy gooey reedy leafy "
        "muddy wet damp dry moist hairy feathery earthy ceramic hardcover plaid"
    )
    | _words(
        # taste, smell, warmth, light, sound
        "sweet sour spicy savory delicious tasty tart ripe fresh fragrant pungent hot warm cool cold "
        "chilled bright dark dim dull vibrant colorful multicolored clear murky loud quiet gentle "
        "calm choppy sheer sugary delectable"
    )
    | _words(
        # appearance and worth
        "sleek clean dirty old new young ancient modern vintage rugged sturdy delicate intricate "
        "elegant ornate graceful majestic grand bold dynamic powerful plain blank empty busy cozy "
        "comfortable perfect natural stunning beautiful luxurious romantic serene peaceful lush rich "
        "heavy light sharp steep open same other different unique precious priceless favorite "
        "fashionable stylish useful necessary visible only main aerodynamic streamlined geometric "
        "abstract artistic floral urban rural human emotional dramatic detailed decorative "
        "therapeutic maternal celestial electronic seasonal endless timeless tender ready eager tired "
        "curious adventurous brilliant treacherous healthful challenging injured picturesque latest "
        "brave bravest most defining contrasting inviting striking soothing refreshing welcoming "
        "comforting enduring welcome unlikely whole half full careful colourful favourite such "
        "lumbering savvy athletic joyful happy sad strong weak distant tropical wild tidy messy lone "
        "cute public local winding rolling towering flickering glowing glittering sparkling blazing "
        "billowing crashing rustling swirling flowing shimmering fluttering bustling shifting "
        "blooming crying sizzling dizzying matching floating rotating falling running sleeping "
        "steaming burning fiery rippled dappled twisted raked brewed hardworking otherworldly"
    )
)

DUAL = _words(
    "orange square oval silver gold light dark cool green blue white black yellow red brown pink tan"
)
"""Adjectives before a noun, nouns where none follows: *a red orange*, *the rough square*."""

VERBS = _words(
    "accompany ate attract bake beat became becomes began begins bent blew boil boils brings broke "
    "brought builds built came cast catches caught chose clung comes crept cut decorate drank drew "
    "drinks drives drove dug eats fanned featured fed fell felt fled flew flies flung froze gave "
    "gives goes grew grows hang hangs held hid hold holds hung illuminate jot keep keeps kept knelt "
    "knew lay leapt led lies lit lost made make makes met mix mixes nibble paid provide provides ran "
    "rang read reads rest rests ridden rides rises rode runs sang sank sat saw sees sent serve served "
    "serves shines shone shook signaled sit sits slept slid sought sped spoke sprang spun stands "
    "stole stood strode struck stuck swam swept swims takes taught tells thought threw throws told "
    "took tore understood wears went woke won wore write writes wrote"
)
"""Verbs that no ending gives away and that are no noun in prompts like these."""

NOUN_OR_VERB = _words(
    "display slice shape stir cook perch pound measure nap features flash release hold rest hang fish "
    "watch walk play plays jump jumps float floats stand stands cover covers carry carries show shows "
    "face faces surround surrounds graze grazes look looks rose rides burst spread"
)
"""Nouns, unless they follow a noun and a phrase begins behind them: *jar and lid **display** flowers*."""

PARTICIPLE_NOUNS = _words(
    "ring string king wing spring ceiling building painting living dining bowling wedding morning "
    "evening swimming baking cutting steering vending parking watering measuring magnifying hiking "
    "rocking seating stitching flooring lightning clothing stuffing pudding icing earring meeting "
    "engineering storytelling eating meditation herring bed sled shed seed reed weed feed speed "
    "hundred breed paperclip thing nothing something anything everything being opening duckling "
    "dumpling sibling railing lining beloved frosting topping filling sewing drawing handling sapling "
    "seasoning"
)
"""They end in -ing or -ed and are nouns, or the first part of a compound noun."""

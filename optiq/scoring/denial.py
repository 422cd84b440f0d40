"""What an answer denies, refuses or affirms: nothing of that is what it says.

A denial reaches to the end of its clause: ``It was not 1905, it was 1921`` says 1921. What is denied after it was
named (``Oslo is not the capital``) is denied as well.
"""

from __future__ import annotations

import re
from functools import lru_cache

_NEGATION = (
    r"(?:not|never|neither|nor|no longer|cannot|can['’]?t|rather than|instead of|except(?: for)?|excluding|unlike|"
    r"(?:any(?:thing|where|one|body)|every(?:thing|where|one)|all) but|far from|as opposed to|no such \w+ as|"
    r"(?<!none )(?<!nobody )(?<!one )other than|"
    r"(?:is|was|are|were|does|did|do|has|have|had|would|could|should|wo|ca)n['’]?t|"
    # French, German, Spanish, Italian, Portuguese, Dutch, Russian
    r"(?:n['’](?:est|était|a|y|en)|ne\s+(?:sont|fut|sera|peut))\s+(?:pas|plus|jamais|ni)|pas(?!\s+de\b)|non(?=\s+\w)|nicht|keine?[mnrs]?|keinesfalls|keineswegs|niemals|nunca|jamás|no\s+(?:es|son|fue|era|está)|"
    r"non\s+(?:è|sono|era|fu)|não|niet|geen|не|nie|ليست?)"
)
# Words that deny nothing: "not only Oslo", "not until 1921".
_NO_DENIAL = (
    r"(?:only|nur|just|merely|simply|until|before|less than|fewer than|more than|sure|certain|"
    r"entirely sure|to mention)"
)
_DENIED = re.compile(rf"\b{_NEGATION}\b(?!\s+{_NO_DENIAL}\b)", re.IGNORECASE)
_COPULA = re.compile(
    r"\b(?:(?:is|was|are|were|has|have|had|does|did|do|would|could|should|can|will)\s+(?:not|never|no longer)|cannot|"
    r"(?:is|was|are|were|does|did|do|has|have|had|would|could|should|wo|ca)n['’]?t)\b"
    rf"(?!\s+{_NO_DENIAL}\b)|\b(?:is|was|are|were|would be)\s+(?:wrong|incorrect|false|untrue|mistaken|"
    rf"impossible|ruled\s+out|out\s+of\s+the\s+question|(?:a|the)\s+(?:mistake|wrong\s+\w+))\b|"
    r"\b(?:has|have|had)\s+(?:nothing|little|no\s+\w+)\s+to\s+do\s+with\b|"
    r"\b(?:is|was|are|were|would be)\s+(?:far\s+|much\s+)?too\s+(?:small|large|low|high|few|many|little|much|big|"
    r"early|late|short|long)\b|नहीं|\b(?:ist|war|sind|waren)\s+(?:es\s+|das\s+)?(?:nicht|keine?\w?)\b|\bn['’](?:est|était)\s+pas\b|\bdeğil\w*|\bused\s+to\s+be\b(?=[^.;,!?\n]*\W*\Z)",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"(?:\.(?=\s|$)|[;:!?\n()]|,(?!\d)|(?<!thing )(?<!where )(?<!one )(?<!body )(?<!all )\bbut\b|"
    r"\bhowever\b|\bthough\b|\s[-–—]\s|(?<=\d)\s+which\s+is\b)+|"
    r"(?=\b(?:it|that|this|he|she|they|there)(?:['’]s|\s+(?:is|was|are|were))\b)",
    re.IGNORECASE,
)


# "I don't think it is Oslo": what is not believed reaches to the end of the sentence.
_DISBELIEVED = re.compile(
    r"\bno\s+(?:evidence|proof|reason|indication|sign)s?\s+(?:that|to|for)\b[^.;!?\n]*?(?=[.;!?\n]|\bbut\b|\Z)|"
    r"\b(?:do|does|did|would|could|can)(?:\s*not|n['’]?t)\s+(?:\w+ly\s+)?(?:think|believe|say|suppose|expect|guess|imagine|agree|mean|feel|know\s+(?:whether|if))\b"
    r"[^.;!?\n]*?(?=[.;!?\n]|\bbut\b|\Z)|"
    r"(?<!no\s)(?<!any\s)(?<!without\s)(?<!without\sa\s)(?<!little\s)\b(?:doubt(?:s|ed|ful)?|"
    r"(?:false|untrue|wrong|incorrect|unlikely|impossible|a\s+(?:common\s+)?(?:myth|misconception|mistake))\s+(?:that|to\s+(?:say|think|claim|assume)))\b"
    r"[^.;!?\n]*?(?=[.;!?\n]|\bbut\b|\Z)",
    re.IGNORECASE,
)


_FORMER = re.compile(
    r"\A\W*(?:formerly|previously)\s+[^,.;)\n]*\W*\Z|"
    r"(?:,\s*|(?<!\s)\s*\()(?:formerly|previously|once|originally)\s+(?:known\s+as\s+|"
    r"called\s+)?[^,.;)\n]*",
    re.IGNORECASE,
)
"""``Istanbul, formerly Constantinople``."""

_REJECTED = re.compile(
    r"\A[^.?!\n]{1,80}\?\s*(?:no|nope|never|wrong|incorrect|false|hardly|unlikely|not\s+\w+|i\s+doubt\s+\w+|"
    r"i\s+(?:do\s+not|don['’]t)\s+think\s+so)\b",
    re.IGNORECASE,
)
"""``Oslo? No``."""

_ONCE = re.compile(
    r"\A[^.;!?\n]*?\b(?:was|were)\b[^.;!?\n]*?(?=(?:[,;.]\s*|\s+)(?:but\s+)?(?:now|today)\b)", re.IGNORECASE
)
"""``It was Bonn, now it is Berlin``."""

# "Many think it is Oslo, but": what others believe, and what once was.
_OTHERS_SAY = re.compile(
    r"\b(?:(?:every(?:one|body)|people|many|most|some|others|they)(?:\s+\w+){0,2}?\s+(?:thinks?|thought|believed?|believes|says?|said|assumed?|assumes|"
    r"claim(?:s|ed)?|expect(?:s|ed)?)|(?:it\s+(?:is|was)\s+)?(?:often|commonly|widely|popularly|frequently|mistakenly|wrongly|sometimes|usually)\s+"
    r"(?:thought|believed|said|assumed|claimed|mistaken|confused|cited)|used\s+to\s+be|initially|at\s+first(?:\s+(?:glance|sight))?|i\s+(?:(?:first|1st|initially)\s+)?thought|"
    r"(?:might|may|could|seems?|appears?|looks?)\b[^.;!?\n]*?(?=,?\s+but\s+(?:it|that|the\s+\w+)(?:['’]s|\s+(?:is|was))\s+"
    r"(?!not|possible|hard|unclear|difficult))|(?:one|you|it)\s+(?:might|may|could)\s+(?:think|seem|say|believe|expect)|formerly|was\s+once|(?:was|were)\s+(?:originally|previously))\b"
    r"[^.;!?\n]*?(?=(?:,\s*|\s+|[.;]\s+)(?:but|yet|though|however|now|today|in\s+fact|actually|which\s+is\s+(?:wrong|not))\b)",
    re.IGNORECASE,
)


_FROM_A_CLAUSE = r"(?<![^.;!?,\n])[^.;!?,\n]*"
"""What stands before a word in its clause; from the clause's first letter on, as from each it would take its square."""
_AFTER_NOBODY = re.compile(
    r"(?:(?<=\bnobody )|(?<=\bno one ))(?!but\b|else\b|except\b|other\b)[^.;!?\n]*?(?=[.;!?\n]|\bbut\b|\Z)",
    re.IGNORECASE,
)
"""``Nobody has ever said Oslo``."""
_ONE_DAY = re.compile(
    rf"{_FROM_A_CLAUSE}\b(?:used\s+to\s+be|(?:was|were)\s+(?:once|formerly|previously|originally)|once\s+(?:was|were))\b[^.;!?\n]*?"
    r"(?=,?\s*\b(?:but|now|today|however|until)\b)",
    re.IGNORECASE,
)
"""``Bonn used to be it, but``."""
_NEITHER = re.compile(r"\bneither\b[^.;!?\n]*?\bnor\b\s+[^.,;!?\n]+", re.IGNORECASE)
"""``Neither Oslo, Bergen nor Bodø``: a comma ends no denial here."""
_MISTAKEN_FOR = re.compile(
    rf"{_FROM_A_CLAUSE}\b(?:is|was|are|were)\s+(?:often|commonly|frequently|sometimes|widely|popularly)\s+(?:mis\w+|wrongly\s+\w+|confused|"
    r"thought|believed|assumed|considered|said|cited)\b[^.;!?\n]*?(?=,?\s*\b(?:but|however|though|yet)\b)",
    re.IGNORECASE,
)
"""``Sydney is often mistaken for it, but``."""
_ONCE_BELIEVED = re.compile(
    rf"{_FROM_A_CLAUSE}\b(?:is|was|are|were)\s+(?:\w+\s+)?(?:thought|believed|assumed|supposed|said|rumou?red|considered)\s+to\s+be\b[^.;!?\n]*?"
    r"(?=,?\s*\b(?:but|however|though|yet)\b)",
    re.IGNORECASE,
)
"""``Neptune was thought to be it, but``."""
_SAY = (
    r"(?:many|some|most|people|others|they|everyone)(?:\s+\w+){0,2}?\s+(?:thinks?|thought|believed?|says?|said|assumed?|"
    r"claim(?:s|ed)?|call(?:s|ed)?)\b"
)
_OPPOSITE_OF = re.compile(
    r"\b(?:opposite|antonym|reverse|contrary|inverse)\s+(?:of|to)\s+[\"“'‘]?[\w-]+[\"”'’]?(?=\s+(?:is|are|was|would|has)\b)",
    re.IGNORECASE,
)
"""``The opposite of hot is cold``."""
_ASIDE_OF_OTHERS = re.compile(
    rf"\((?:\w+\s+)?{_SAY}[^()\n]*\)|(?:,\s*|(?<!\s)\s+|\b)(?:though|although|while|even\s+though)\s+{_SAY}[^.;!?,\n]*",
    re.IGNORECASE,
)
"""``Bergen (many say Oslo)``."""

_CORRECTED = re.compile(
    r"\A[^\n]*?\b(?:no,?\s+wait|wait,?\s+no|scratch\s+that|correction|i\s+mean|(?<=,\s)no(?=,)|(?<=(?:…|\.)\s)no(?=,))\b[\s,:.!–—-]+(?=\w)",
    re.IGNORECASE,
)
"""``42, no wait, 43``."""


_ASKS = re.compile(
    r"\A\W*(?:is|was|are|were|isn['’]t|wasn['’]t|do|does|did|could|would|should|might|may)\s+"
    r"(?:it|that|this|he|she|they|there|the\s+\w+)\b[^?.!\n]*\?\W*\Z",
    re.IGNORECASE,
)
"""``Is it Oslo?`` is no answer."""
_SUPPOSED = re.compile(
    r"\b(?:if|unless)\s+(?:it|that|this|he|she|they|the\s+\w+)\s+(?:were|was|had\s+been|is|are)\b[^.,;!?\n]{0,200}?"
    r"(?=[,;]|\bthen\b)",
    re.IGNORECASE,
)
"""``If it were Oslo, …``."""
_VERB_OF_A_CLAUSE = (
    r"(?:is|was|are|were|has|have|had|can|could|does|did|lies|seems|appears|may|might|\w{3,}(?:ed|es))"
)
_CONTRASTED = re.compile(
    r"(?<=[\w)]),?\s+(?:followed|preceded|succeeded)\s+by\s+[^.,;!?\n]+|"
    r"(?<=[\w)]),?\s+(?:despite|in\s+spite\s+of|notwithstanding)\s+[^.,;!?\n]+|"
    r"(?<=[\w)]),?\s+(?:while|whereas|although|though|even\s+though)\s+"
    rf"(?:[^\s.,;!?]+\s+){{1,5}}?{_VERB_OF_A_CLAUSE}\s[^.;!?\n]*|"
    rf"(?:\A|(?<=[.!?\n])\s*)\W*(?:while|whereas|although|though|even\s+though)\s+(?:[^\s.,;!?]+\s+){{1,5}}?"
    rf"{_VERB_OF_A_CLAUSE}\s[^.,;!?\n]*(?=,)|"
    r"(?<=[\w)]);\s+[^.;!?\n]*\b(?:others?|another|instead|second|next)\b[^.;!?\n]*|"
    r"(?<=\bis )(\w+(?:\s\([^()\n]*\))?);\s+(?:and\s+)?(?!it\b|th\w+\b|s?he\b|\w+\s+answer\b)"
    r"\w+(?:\s+\w+)?\s+is\s+\w+\W*\Z",
    re.IGNORECASE,
)
"""``Lisbon, while Porto is second``, ``Although Porto is big, Lisbon``; ``gold is Au; silver is Ag``."""


@lru_cache(maxsize=8192)
def denies(text: str) -> bool:
    """Whether ``text`` has a word of denial."""
    return _DENIED.search(text) is not None


def _blanks(match: re.Match[str]) -> str:
    return " " * len(match[0])


_SAID_NOT = (
    _REJECTED, _DISBELIEVED, _AFTER_NOBODY, _NEITHER, _CORRECTED, _ASIDE_OF_OTHERS, _ONCE, _ONE_DAY, _FORMER,
    _OPPOSITE_OF, _MISTAKEN_FOR, _ONCE_BELIEVED, _OTHERS_SAY, _ASKS, _SUPPOSED,
)  # fmt: skip
"""What stands in a text and is not said by it."""
_MAY_DENY = re.compile(
    r"[?(;]|no|n['’]?t\b|wait|scratch|correction|mean|doubt|false|untrue|wrong|unlikely|unless|impossible|myth|mis|while|"
    r"whereas|though|now|today|former|previous|once|original|opposite|antonym|reverse|contrary|inverse|but|however|yet|"
    r"in\s+fact|actually|which|\bif\b|ceeded|ceded|followed|spite|until|incorrect",
    re.IGNORECASE,
)
"""One of these stands in whatever :data:`_SAID_NOT` and :data:`_CONTRASTED` match: few texts have any."""


@lru_cache(maxsize=4096)
def affirmed(text: str) -> str:
    """``text`` without what it denies; blanks stand in place of it, so that places stay."""
    if _MAY_DENY.search(text):
        for said_not in _SAID_NOT:
            text = said_not.sub(_blanks, text)
        rest = _CONTRASTED.sub(lambda m: (m[1] or "").ljust(len(m[0])), text)
        text = rest if any(c.isalnum() for c in rest) else text
    if not _DENIED.search(text) and not _COPULA.search(text):
        return text
    parts, start = [], 0
    ends = [match.span() for match in _CLAUSE.finditer(text) if match.start() > 0]
    for stop, after in [*ends, (len(text), len(text))]:
        clause = text[start:stop]
        if clause.strip():
            if _COPULA.search(clause):
                clause = " " * len(clause)
            elif denial := _DENIED.search(clause):
                clause = clause[: denial.start()].ljust(len(clause))
        parts.append(clause + text[stop:after])
        start = after
    return "".join(parts)


_REFUSED = re.compile(
    r"""\b(?:
        as\s+an?\s+(?:ai\b|artificial|(?:large\s+)?language\s+model)
            (?![^.!?\n]*\bi\s+(?:would|can|should|must)\s+(?:say|answer|confirm|guess)\b) |
        i(?:\s+am|['’]m)\s+(?:unable|not\s+able|not\s+allowed|not\s+permitted|not\s+going)\s+to |
        i(?:\s+am|['’]m)\s+(?:just|only|merely)\s+an?\s+(?:\w+\s+)?(?:ai\b|language\s+model|assistant|bot|model) |
        my\s+(?:knowledge|training(?:\s+data)?|information|data)\b[^.!?\n]{0,30}?\b(?:cut[- ]?off|ends?|ended|
            stops?|only|goes|extends?|until|up\s+to|limited) |
        knowledge\s+cut[- ]?off |
        (?:beyond|outside|not\s+(?:within|in))\s+(?:of\s+)?my\s+(?:knowledge|abilit(?:y|ies)|capabilit(?:y|ies)|
            expertise|scope|training|database) |
        i(?:\s+must|\s+have\s+to|['’]d\s+have\s+to|['’]ll\s+have\s+to|\s+will\s+have\s+to)?\s+(?:refuse|decline|
            prefer\s+not|choose\s+not|abstain) |
        i(?:['’]d|\s+would)\s+(?:rather|prefer)\s+not | i\s+(?:won['’]?t|will\s+not|wouldn['’]?t|would\s+not|
            shouldn['’]?t|should\s+not|may\s+not)\s+
            (?:be\s+able\s+to\s+)?(?:answer|say|tell|help|assist|provide|give|comment|speculate|guess) |
        i\s+have\s+no\s+(?:opinion|comment|record|memory) | i\s+(?:can|could)\s+only\s+guess |
        i(?:\s+am|['’]m)\s+(?:not\s+(?:sure|certain|aware|familiar)|unsure|unaware|uncertain)
            (?![^.!?\n]*\b(?:but|possibly|probably|perhaps|maybe|i\s+(?:think|guess|believe)|i['’]d\s+say)\b) |
        (?!i\s+(?:do\s+not|don['’]?t)\s+know[^.!?\n]*\bbut\b[^.!?\n]*\b(?:guess|think|believe|say|bet)\b)
        i(?:\s+(?:just|really|simply|still|honestly))?\s+(?:can\s?not|can['’]?t|could\s+not|couldn['’]?t|do\s+not|don['’]?t|did\s+not|didn['’]?t)\s+
            (?:\w+ly\s+)?(?:answer|know|determine|provide|find|verify|say|tell|help|assist|recall|remember|confirm|
            give|have\s+(?:any\s+|enough\s+|access|real|the\s+|that\s+|this\s+|specific\s+|sufficient\s+|
                an?\s+)|be\s+(?:sure|certain)|understand|count|see|access|calculate|compute|browse|open|read|
                    predict|guess|comment|share|discuss|identify|name|estimate|speak) |
        i\s+lack\b | there['’]s\s+no\s+(?:way|telling|answer|information)\b |
        i\s+have\s+no\s+(?:information|idea|knowledge|clue|data|answer|way|access) |
        (?:we|they)\s+(?:do\s+not|don['’]?t|can\s?not|can['’]?t)\s+(?:\w+ly\s+)?(?:know|tell|say)\b |
        (?:we|one|you|nobody|no\s+one)\s+(?:can\s?not|can['’]?t|(?:do|does)\s+not|don['’]?t|
            doesn['’]?t)?\s*(?:know|knows|determine|tell)s?\s*(?:for\s+sure|from\s+(?:this|the)|that|this)?[.!]?\Z |
        there\s+is(?:\s+no|n['’]?t(?:\s+enough)?|\s+not\s+enough|\s+insufficient)\s+(?:\w+\s+)?(?:information|
            context|data|answer|way\s+(?:to\s+(?:know|tell)|of\s+(?:knowing|telling)))\b |
        (?:no|insufficient|not\s+enough)\s+(?:info(?:rmation)?|context|data)\b |
        (?:passage|text|document|article|context|paragraph|question|source|excerpt|story)\s+(?:does\s+not|doesn['’]?t|
            never|did\s+not|didn['’]?t)\s+(?:\w+ly\s+)?(?:say|mention|state|specify|provide|give|tell|include|contain|
            indicate|answer)s?\b |
        (?:can\s?not|can['’]?t|could\s+not|couldn['’]?t|unable\s+to)\s+(?:be\s+)?(?:determined?|answer(?:ed)?|
            verif(?:y|ied)|comply|assist|help|provide|establish(?:ed)?)\b |
        no\s+(?:idea|clue|answer)\b | (?:hard|difficult|impossible)\s+to\s+(?:say|tell|know|determine)\b |
        (?:nobody|no\s+one|none)\s+can\s+(?:confirm|verify|be\s+sure)\b | (?:beats\s+me|who\s+knows) | (?:nobody|
            no\s+one)\s+(?:\w+ly\s+)?(?:knows|can\s+(?:say|tell|know))\b |
        (?:is|are|remains?|it['’]s)\s+(?:un(?:known|clear|certain)|not\s+(?:known|clear|specified|available|given|
            stated))(?=\W*\Z) |
        (?:is|was|are|were)(?:\s+not|n['’]?t)\s+(?:given|specified|stated|provided|mentioned)(?:\s+in)?\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_REFUSED_ALONE = re.compile(
    r"\W*(?:sorry\b.*|i\s+apologi[sz]e\b.*|unknown|n/a|none\s+given|not\s+known|not\s+(?:specified|available|applicable|given)|"
    r"\(?no\s+answer\)?|undetermined|unclear|unanswerable|idk|dunno|no\s+comment|pass|\?+)\W*",
    re.IGNORECASE | re.DOTALL,
)
_REFUSED_FIRST = re.compile(
    r"\W*(?:(?:i['’]m|i\s+am)\s+(?:very\s+|so\s+)?sorry|sorry|unfortunately|i\s+apologi[sz]e|my\s+apologies)\b",
    re.IGNORECASE,
)


_HEDGED = re.compile(
    r"(\b(?:i(?:['’]m|\s+am)\s+(?:fairly|pretty|quite|rather|reasonably)\s+(?:sure|certain|confident)|i\s+(?:think|believe|guess|suppose|would\s+(?:say|guess))|i['’]d\s+(?:say|guess)|probably|possibly|perhaps|maybe|likely)"
    r"\b[^.!?\n]{0,300}?),?\s*[(–—-]?\s*(?:but|although|though|however,?)\s+i(?:['’]m|\s+am)\s+"
    r"(?:not\s+(?:\w+\s+|100\s?%\s+)?(?:sure|certain|positive)|unsure|uncertain)\b[^.!?\n]*",
    re.IGNORECASE,
)
"""``I think it is Oslo, but I am not sure`` is an answer."""


@lru_cache(maxsize=8192)
def refuses(text: str) -> bool:
    """Whether ``text`` says, wherever in it, that there will be no answer."""
    if "i" in text or "I" in text:
        text = _HEDGED.sub(r"\1", text)
    return bool(_REFUSED.search(text) or _REFUSED_FIRST.match(text) or _REFUSED_ALONE.fullmatch(text))


# --- yes and no ----------------------------------------------------------------------------------------

_FOREIGN_YES = (
    "да", "sim", "tak", "evet", "ano", "igen", "kyllä", "כן", "ναι", "نعم", "हाँ", "हां", "vâng", "네", "예", "はい",
    "うん", "是的", "是", "对的", "对", "對",
    "ใช่",
)  # fmt: skip
_FOREIGN_NO = (
    "нет", "não", "nie", "hayır", "nej", "nee", "nem", "לא", "όχι", "لا", "नहीं", "không", "tidak",
    "아니요", "아니오", "아뇨",
    "いいえ", "いや",
    "不是", "不对", "不對", "不", "否", "ไม่ใช่",
)  # fmt: skip
_FOREIGN_YES_SET, _FOREIGN_NO_SET = frozenset(_FOREIGN_YES), frozenset(_FOREIGN_NO)
_YES = (
    r"yes|yeah|yep|yup|true|correct|right|affirmative|absolutely|certainly|definitely|indeed|of\s+course|sure|agreed|"
    r"accurate|ja|oui|sí|natürlich|claro|bien\s+sûr|selbstverständlich|" + "|".join(_FOREIGN_YES)
)
_NO = (
    r"no|nope|nay|nah|false|incorrect|wrong|negative|untrue|never|inaccurate|not\s+at\s+all|by\s+no\s+means|disagree|nein|non(?=\W*(?:,|\.|$))|"
    + "|".join(_FOREIGN_NO)
)
_CLOSED_YES = _FOREIGN_YES_SET | frozenset(
    [
        "yes",
        "y",
        "true",
        "t",
        "correct",
        "right",
        "affirmative",
        "yeah",
        "ja",
        "oui",
        "sí",
        "是",
        "是的",
        "对",
        "はい",
        "نعم",
        "да",
    ]
)
_CLOSED_NO = _FOREIGN_NO_SET | frozenset(
    [
        "no",
        "n",
        "false",
        "f",
        "incorrect",
        "wrong",
        "negative",
        "nein",
        "non",
        "否",
        "不",
        "不是",
        "不对",
        "いいえ",
        "لا",
        "нет",
        "não",
    ]
)
_TRUTH = re.compile(
    rf"^\W*(?:well\W+|oh\W+|um\W+)?(?:(?P<not>(?:absolutely|certainly|definitely|of\s+course|surely)\s+not\b|not\s+(?:really|quite|necessarily|true|"
    rf"correct|right|exactly|yes)\b)|(?P<false>not\s+(?:false|wrong|incorrect|untrue|no(?=\W*\Z))\b)|(?P<no>(?:{_NO})\b)|(?P<yes>(?:{_YES})\b))(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_STATED_TRUTH = re.compile(
    r"\b(?:is|was|are|were|be|s|['’]s|seems|sounds|as|therefore|so|thus|hence|answer|statement|claim)\s*:?\s*(?:(?:an?|the|actually|indeed|definitely|clearly|also|both|"
    r"completely|absolutely|really|simply)\s+)*(?P<not>not\s+(?:an?\s+|actually\s+|really\s+|necessarily\s+)?)?(?P<un>un|in)?"
    r"(?P<word>(?:true|false|correct|right|wrong|accurate)\b|(?:yes|no)(?=\s*(?:[.,;!)\"'*]|$)))(?!\s+(?:that|to)\s+(?:say|know))|"
    r"\b(?P<isnt>(?:is|was|are|were)n['’]?t)\s+(?P<word2>true|false|correct|right|wrong|accurate)\b",
    re.IGNORECASE,
)
_VERB = re.compile(
    r"^\W*(?:i\s+(?:think|believe|guess|suppose)\s+(?:that\s+)?)?(?:it|he|she|they|we|you|i|that|this|these|those|there)(?:\s+|(?=['’]))(?P<verb>(?:is|was|are|were|do|does|did|can|could|will|would|has|have|had|should|"
    r"may|might|must)(?P<nt>n['’]?t)?|['’]s|['’]re|won['’]?t|can['’]?t|cannot)(?P<not>\s+not)?(?:\s+be)?(?:\s+(?:indeed|actually|certainly|definitely|really|so|too))?\W*$",
    re.IGNORECASE,
)


_BEYOND_DOUBT = re.compile(
    r"\W*(?:(?:there(?:\s+is|['’]s)\s+|i\s+have\s+)?(?:no|without(?:\s+an?y?)?)\s+(?:a\s+)?(?:doubt|question)(?:\s+about\s+(?:it|that))?|beyond\s+(?:any\s+)?doubt)\W*\Z",
    re.IGNORECASE,
)

_I_SAY = re.compile(
    r"\A\W*i(?:['’]d|\s+would|['’]ll)?\s+(?:say|guess|answer|go\s+with|think|believe)\s+(?:the\s+answer\s+is\s+)?"
    r"(?=(?:yes|no|true|false)\b)",
    re.IGNORECASE,
)
"""``I would say yes``."""
_UNSURE = re.compile(
    r"\A\W*(?:i(?:['’]m|\s+am)\s+not\s+(?:\w+\s+|100\s?%\s+)?(?:sure|certain)|i\s+(?:don['’]?t|do\s+not)\s+know\s+for\s+(?:sure|certain)),?\s+but"
    r"\s+(?:i\s+(?:think|believe|guess|['’]d\s+say)\s+|it(?:['’]s|\s+is)\s+)?(?:(?:most\s+)?(?:probably|likely)\s+|maybe\s+)?"
    r"(?=(?:yes|no|true|false)\b)|\A\W*i(?:['’]m|\s+am)\s+not\s+(?:\w+\s+)?(?:sure|certain),?\s+but\s+(?=(?:most\s+)?(?:probably|likely)\s+not\b)",
    re.IGNORECASE,
)
"""``I'm not sure, but probably yes``."""
_MYTH_THAT_NOT = re.compile(
    r"\A\W*(?:it(?:['’]s|\s+is)\s+|that(?:['’]s|\s+is)\s+)?(?:an?\s+)?(?:\w+\s+)?(?:myth|misconception|false|untrue|wrong|lie)\s+(?:to\s+\w+\s+)?that\s+"
    r"[^.;!?,\n]*\b(?:not|never|no|(?:is|are|was|were|do|does|did|ca|wo)n['’]?t)\b",
    re.IGNORECASE,
)
"""``It is a myth that they do not``."""
_DOUBTED_TRUTH = re.compile(
    r"\A\W*i\s+(?:do\s+not|don['’]?t|would\s+not|wouldn['’]?t)\s+(?:think|believe|say)\s+(?:that\s+)?(?:it|this|that|the\s+\w+)(?:['’]s|\s+is)\s+"
    r"(true|right|correct|accurate|so|false|wrong|untrue|incorrect|inaccurate)\b",
    re.IGNORECASE,
)
"""``I don't think it is false``."""
_SO = re.compile(
    r"\W*(?:so|(?:most\s+|very\s+)?(?:probably|likely)(?:\s+(?:yes|so))?|i(?:\s+(?:think|believe|guess|suppose|would\s+say)|['’]d\s+say)\s+so|that['’]?s\s+so|it\s+(?:seems|appears)\s+so|i\s+agree|"
    r"you\s+bet|exactly)\W*",
    re.IGNORECASE,
)
_NOT_SO = re.compile(
    r"\W*(?:(?:most\s+|very\s+)?(?:probably|likely)\s+not|no\s+way|i\s+(?:disagree|(?:do\s+not|don['’]t)\s+agree)|auf\s+keinen\s+fall|keinesfalls|pas\s+du\s+tout|en\s+absoluto|вовсе\s+нет|(?:that|this|it)(?:(?:\s+is|['’]s)\s+not|\s+isn['’]t)\s+(?:the\s+case|so)|not\s+any\s?more|not\s+any\s+longer|no\s+longer|hardly|not\s+likely|unlikely|not\s+so|i\s+(?:do\s+not|don['’]?t)\s+(?:think|believe)\s+so|"
    r"there(?:['’]s|\s+is)\s+no\s+(?:\w+\s+)?(?:evidence|proof|support)\s+(?:for|of|that)\b[^.!?]*|i\s+doubt\s+it|i\s+think\s+not|i(?:['’]m|\s+am)\s+afraid\s+not|(?:it|that|this|(?:the|this|that)\s+(?:claim|statement|idea|belief))(?:['’]s|\s+is)\s+(?:just\s+|only\s+)?an?\s+(?:(?:common|popular|widespread|old|urban)\s+)*"
    r"(?:myth|misconception|legend|lie|hoax)(?:\s+that\b[^.!?]*)?)\W*",
    re.IGNORECASE,
)


def truth_named(text: str) -> bool | None:
    """What a reference such as ``yes``, ``False`` or ``N`` stands for; None if it is no such word."""
    word = text.strip(" .!\"'*`").casefold()
    if len(word) == 1 and "!" in text:
        return None  # n! is a factorial
    return True if word in _CLOSED_YES else False if word in _CLOSED_NO else None


def truth_of(answer: str) -> bool | None:
    """Whether ``answer`` says yes or no; None if neither, or both."""
    text = answer.strip()
    word = truth_named(text)
    if word is not None:
        return word
    text = _I_SAY.sub("", _UNSURE.sub("", text))
    if _MYTH_THAT_NOT.match(text):
        return True
    if doubted := _DOUBTED_TRUTH.match(text):
        return doubted[1].casefold() not in ("true", "right", "correct", "accurate", "so")
    if _BEYOND_DOUBT.match(text) or _SO.fullmatch(text):
        return True
    if _NOT_SO.fullmatch(text):
        return False
    if re.search(
        r"\b(?:true\s+or\s+false|false\s+or\s+true|yes\s+or\s+no|no\s+or\s+yes)\b", text, re.IGNORECASE
    ):
        return None
    if found := _VERB.fullmatch(text):
        verb = found["verb"].casefold()
        if verb in ("may", "might") and not found["not"]:
            return None
        return not (found["nt"] or found["not"] or verb.startswith(("won", "can'", "can’", "cant", "cannot")))
    if found := _TRUTH.match(text):
        rest = found["rest"].lstrip()
        said = bool(found["yes"] or found["false"])
        if rest[:1] == "?":  # "Yes? No."
            return truth_of(rest[1:])
        plain_stop = not rest or rest[0] in ".,;:!?-–—)\"'*\n，。、！；"
        if again := re.match(r"(?:yes|no|true|false|not)\b(?=\W*\Z)", rest, re.IGNORECASE):
            return again[0].casefold() in ("yes", "true")
        if re.match(r"(?:and|or|/)\s*(?:yes|no|true|false)\b|/", rest, re.IGNORECASE):
            return None
        if plain_stop or re.match(
            r"(?:it|he|she|they|that|this|there|because|you|we|i|the|as|since)\b", rest, re.I
        ):
            if other := re.search(
                r"\b(?:(?:but|however|wait|actually|rather)\W+(?:\w+\W+){0,2}?)(yes|no|true|false)\b",
                rest,
                re.I,
            ):
                return other[1].casefold() in ("yes", "true")
            if (
                found["yes"]
                and not re.match(r"\W*(?:yes|true|yeah)", text, re.I)
                and re.match(r"\W*(?:not|no)\b", rest, re.I)
            ):
                return False
            return said
    if last := re.search(r"(?:[,;:.]|\bso)\s*(yes|no|true|false)\W*\Z", text, re.IGNORECASE):
        return last[1].casefold() in ("yes", "true")
    values = set()
    for match in _STATED_TRUTH.finditer(text):
        word2 = (match["word"] or match["word2"]).casefold()
        value = word2 in ("true", "correct", "right", "yes", "accurate")
        flips = bool(match["not"]) + bool(match["un"]) + bool(match["isnt"])
        if match["un"] and word2 not in ("true", "correct", "accurate"):
            continue
        values.add(value ^ (flips % 2 == 1))
    return values.pop() if len(values) == 1 else None

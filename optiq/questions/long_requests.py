"""Whether a question asks for a long answer: documented rules on its requests, in English, German, French and Spanish.

People put what they ask for before or after what they paste. Sentences end at ``.``, ``?``, ``!`` and line ends; fenced
blocks and what stands in quotes are nobody's request, nor is a last "Thank you.".

1. Short, if one of the first or last three sentences asks for up to five words, or for yes or no.
2. With options in the text (A) … B) …): long only if the first or last sentence is an order ("Compare these:").
3. Short, if the first sentence asks a fact of what follows ("Who wrote these lines?").
4. Long, if the first or last sentence is an order such as "Explain …", after "please", "can you" and the like or a
   clause ("Based on the text above, write …"), or the last asks how to do something, what to do, or for sentences.
5. Else, if the last sentence is a question: long if the first of up to three sentences asks for that, else short.
6. Else long, if one of the first or last three sentences is a long request ("Write a reply. Keep it friendly.").
"""

from __future__ import annotations

import re

_LOOKED_AT = 1000
"""Characters at either end that are read: requests stand there, and questions may hold whole documents."""
_AT_AN_END = 3

_FENCED = re.compile(r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1[^\n]*$|\Z)", re.MULTILINE | re.DOTALL)
_QUOTED = re.compile(
    r"\"[^\"\n]{0,400}\"|“[^”\n]{0,400}”|„[^“”\n]{0,400}[“”]|«[^»\n]{0,400}»|"
    r"(?<!\w)'(?=\S)[^'\n]{0,200}(?:(?<=\w)'(?=\w)[^'\n]{0,200}){0,5}'(?!\w)|‘[^’\n]{0,200}’(?!\w)"
)
# Not after a letter by itself: that marks an option (A. Compare B. Explain) or is an initial.
_SENTENCE_END = re.compile(r"(?:(?<!\b[^\W\d_])\.|[?!…])[\"'”»)*]*\s+|\s*\n\s*")
_THANKS = re.compile(
    r"\W*(?:(?:many )?thanks?|thank you|cheers|danke|vielen dank|merci|gracias|muchas gracias)\b[^?]{0,40}",
    re.IGNORECASE,
)
_POLITE = (
    r"(?:please|kindly|now|then|and|also|just|next|finally|can you|could you|would you|will you|help me(?: to)?|"
    r"i (?:want|need) you to|i(?:'d|’d| would) like you to|your task is to|let(?:'s|’s)|"
    r"bitte|nun|jetzt|dann|veuillez|merci de|maintenant|ensuite|puis|s['’]il (?:vous|te) pla[iî]t|"
    r"(?:pouvez|pourriez)[- ]vous|(?:peux|pourrais)[- ]tu|me|por favor|ahora|luego|puedes?|podr[ií]as?)"
)
_BEFORE = (
    r"[\W_]*(?:(?:question|q|task|instructions?|user|aufgabe|frage|tâche|consigne|tarea|pregunta)\s*:[\W_]*)?"
    r"(?:(?:based on|using|given|from|in|with|for|after|as|considering|according to|if|auf|anhand|in|mit|nach|"
    r"à partir|en|d['’]après|selon|basándote|según|con)\b[^,.?!\n]{0,80},\s*)?"
    rf"(?:{_POLITE}\b,?\s+)*"
)
_TEXT = (
    r"(?:summary|overview|explanation|description|outline|reasons?|arguments?|advice|feedback|tips|suggestions|essay|"
    r"story|poem|letter|reply|response|e-?mail|report|plan|review|analysis|comparison|speech|article|translation|"
    r"instructions|steps|guide|recipe|list(?!\s+price))"
    r"\b(?!\s+(?:number|name|title|date|code|id|of the alphabet)\b)"
)
_A_FIGURE = (
    r"\s+(?:down\s+)?(?:and solve\b|(?:the|your|its|only|just|an?)\s+(?:\w+\s+){0,2}?"
    r"(?:equation|answer(?!\s+to)|number|expression|value|formula|fraction|result|name|date|symbol|"
    r"ratio|word|letter of)\b)"
)
_ENGLISH = (
    r"(?:explain|describe|discuss|summari[sz]e|elaborate|compare|analy[sz]e|argue|rewrite|rephrase|reword|"
    rf"paraphrase|proofread|translate|write(?!{_A_FIGURE})|compose|brainstorm|prove|justify|critique|"
    r"tell me (?:about|a story|more)|walk me through|(?:reply|respond) to|"
    r"(?:list|outline|draft|contrast)(?!\s*(?:of\b|:))|"
    rf"(?:give|provide|create|generate|prepare|suggest)\s+(?:[\w'-]+\s+){{0,4}}{_TEXT})\b(?![(=-])"
)
_GERMAN = (
    r"(?:(?:erkläre?|erläutere?|beschreibe?|diskutiere?|vergleiche?|analysiere?|schreibe?|verfasse?|übersetze?|"
    r"formuliere?|begründe?|beantworte?)(?:n sie)?\b(?!\s+(?:man|sich)\b)|erläutern sie\b|"
    r"fass(?:e|en sie)?\b[^.?!\n]*\bzusammen\b|antwort(?:e|en sie) auf\b|"
    r"(?:kannst du|könntest du|können sie|könnten sie)\b[^.?!\n]*\b"
    r"(?:erklären|erläutern|beschreiben|zusammenfassen|vergleichen|schreiben|verfassen|übersetzen|formulieren)\b|"
    r"[^.?!\n]{0,80}\bzusammenfassen\W*$)"
)
_FRENCH = (
    r"(?:expliqu(?:e[rz]?|ez)|décri(?:s|vez|re)|résum(?:e[rz]?)|rédige[rz]?|écri(?:s|vez|re)|tradui(?:s|sez|re)|"
    r"compare[rz]|analyse[rz]|reformule[rz]?|commente[rz]|répond(?:s|ez|re) à)\b"
)
_SPANISH = (
    r"(?:expl(?:ica(?:r|me)?|ique)|explícame|describ(?:a|ir)|resum(?:a|ir)|resume(?=\s+(?:el|la|los|las|lo|est\w+|en)\b)|"
    r"escrib(?:e|a|ir)|escríbeme|redact(?:ar?|e)|tradu(?:ce|zca|cir)|compara(?:r)?|analiza(?:r)?|"
    r"respond(?:e|a|er) al?)\b"
)
_ORDER = re.compile(rf"{_BEFORE}(?:{_ENGLISH}|{_GERMAN}|{_FRENCH}|{_SPANISH})", re.IGNORECASE)
_ADVICE = re.compile(
    r"(?:^|[,;:—–]\s*|\b(?:so|and|but)\s+)\W*(?:"
    r"what (?:should|can|could|shall|must) (?:i|we) (?:do|try|check|write|reply|answer)\b|"
    r"what (?:would|do) you (?:recommend|suggest|advise)\b|"
    r"how (?:do|can|should|could|would) (?:i|we|you) (?!say\b|spell\b|pronounce\b|call\b|abbreviate\b|write\b)|"
    r"how (?:does|do) [^.?!\n]{1,60} work\b|"
    r"was (?:soll|kann|sollte|könnte) (?:ich|man)\b[^.?!\n]*\b(?:tun|machen|versuchen|unternehmen|prüfen)\b|"
    r"wie (?:kann|soll|sollte) ich (?!.*\b(?:sagen|buchstabieren|schreiben)\b)|"
    r"que (?:dois|puis|devrais|peux)[- ]je faire\b|comment (?:puis|dois|faire|peut-on)\b(?!.*\bdire\b)|"
    r"¿?qué (?:debo|puedo|debería|podría) (?:hacer|intentar|probar)\b|¿?cómo (?:puedo|debo|debería) (?!decir\b))",
    re.IGNORECASE,
)
_EXTENT = re.compile(
    r"\b(?:in|with|of|write)\s+(?!(?:which|what|the|these|those|this|that|each|both|all)\b)(?:\w+\s+){0,2}"
    r"(?:paragraphs?|sentences|detail|depth|essay)\b|"
    r"\b(?:in|with|write)\s+(?:(?:just|only|exactly|at most)\s+)?(?:one|1|a single|a short|a brief)\s+"
    r"(?:\w+\s+)?sentence\b|"
    r"\bin\s+(?:einem|zwei|drei|vier|fünf|[1-9])\s+(?:\w+\s+)?(?:satz|sätzen|absätzen)\b|"
    r"\ben\s+(?:une|deux|trois|quatre|cinq|[1-9])\s+(?:phrases?|paragraphes?)\b|"
    r"\ben\s+(?:una|dos|tres|cuatro|cinco|[1-9])\s+(?:frases?|oraci(?:ón|ones))\b|"
    r"\ben\s+(?:un|dos|tres|cuatro|cinco|[1-9])\s+párrafos?\b|\b(?:ausführlich|en détail|en detalle|detalladamente)\b",
    re.IGNORECASE,
)
_OF_THE_ANSWER = re.compile(
    rf"{_BEFORE}(?:answer|respond|reply|write|give|use|keep|in|with|antwort\w*|répond\w*|respond\w*|contest\w*|en)\b",
    re.IGNORECASE,
)
_FEW_WORDS = re.compile(
    r"\b(?:in|with|using)\s+(?:(?:just|only|exactly|at most|no more than)\s+)?(?:a single|one|two|three|four|five|"
    r"[1-5])\s+words?\b|\b(?:in|mit) (?:einem|zwei|drei|vier|fünf|[1-5]) wort(?:en?)?\b|"
    r"\b(?:in|mit) (?:zwei|drei|[2-5]) wörtern\b|"
    r"\ben (?:un(?: seul)?|deux|trois|quatre|cinq|[1-5]) mots?\b|\ben (?:una(?: sola)?|dos|tres|cuatro|cinco|[1-5]) "
    r"palabras?\b|\b(?:answer|reply|respond)(?: with| only| just)* yes or no\b",
    re.IGNORECASE,
)
_OPTIONS = re.compile(
    r"(?:^|\s)(?:\(a\)\s.{1,400}?\s\(b\)|\(A\)\s.{1,400}?\s\(B\)|A\)\s.{1,400}?\sB\)|a\)\s.{1,400}?\sb\)|A[.:]\s.{1,400}?\sB[.:])\s",
    re.DOTALL,
)
_OF_WHAT_FOLLOWS = re.compile(
    r"\W*(?:who|whom|whose|which|when|where|what|how (?:many|much|old|long|often)|wer|welche\w*|wann|wo|wie viele?|"
    r"qui|quel(?:le)?s?|quand|où|combien|quién|cuál(?:es)?|cuándo|dónde|cuánt[oa]s?)\b.*"
    r"\b(?:following|below|these|this|folgende\w*|diese\w*|suivante?s?|ces|cette|siguientes?|est[aeo]s?)\b",
    re.IGNORECASE,
)


_WORD = re.compile(r"[^\W\d_]{3,}|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_LATEX_COMMAND = re.compile(r"\\[a-zA-Z]+")
_OF_FIGURES = re.compile(r"[\d\\=^]")
_VERDICTS = frozenset({"yes", "true", "false", "none", "oui", "non", "nein", "unknown"})
_TWO_WORDS = 30
"""Characters up to which a reference is one or two words, where no spaces tell."""
_AS_LONG_AS_ITS_INPUT = re.compile(
    rf"{_BEFORE}(?:translate|write|rewrite|rephrase|reword|paraphrase|proofread|list|give|provide|suggest|generate|"
    r"create|übersetz\w*|schreib\w*|formulier\w*|tradui\w*|écri\w*|reformul\w*|tradu[cz]\w*|escrib\w*)\b",
    re.IGNORECASE,
)
_OF_A_TEXT = re.compile(rf"\b{_TEXT}|{_EXTENT.pattern}", re.IGNORECASE)


_LISTED = re.compile(
    rf"{_BEFORE}(?:list|name|enumerate|(?:give|provide|write)\s+(?:(?:me|us|a|the|short)\s+)*list\s+of)\b",
    re.IGNORECASE,
)
_WORDS_OF_A_NAME = 3


def asks_for_long(question: str) -> bool:
    """Whether the answer that ``question`` asks for is longer than a few words, by the rules above."""
    sentences = _sentences(question)
    if not sentences:
        return False
    first, last = sentences[0], sentences[-1]
    ends = sentences if len(sentences) <= 2 * _AT_AN_END else sentences[:_AT_AN_END] + sentences[-_AT_AN_END:]
    if any(_FEW_WORDS.search(sentence) for sentence in ends):
        return False
    if _OPTIONS.search(question[-2 * _LOOKED_AT :]):
        return bool(_ORDER.match(first) or _ORDER.match(last))
    if len(sentences) > 1 and _OF_WHAT_FOLLOWS.match(first) and not _is_long(first):
        return _EXTENT.search(last) is not None
    if _ORDER.match(first) or _is_long(last) or _EXTENT.search(last):
        return True
    if last.rstrip("\"'”»)* ").endswith("?"):
        return len(sentences) <= _AT_AN_END and _is_long(first)
    return any(_is_long(sentence) for sentence in ends)


def orders_a_text(question: str, reference: str) -> bool:
    """Whether ``question`` orders a long answer in words, however short its ``reference`` is.

    A reference tells a fact that orders are often put around: a figure, a formula, a letter, yes or no. Beside such a
    one no order counts ("Explain step by step"), nor one before a last question ("Explain it. What does it need?"), nor
    "How do I …?". Names between commas are what "List …" orders. A translation or another writing of one or two words
    is as short as what it writes.
    """
    if _is_a_fact(reference) or not asks_for_long(question):
        return False
    sentences = _sentences(question)
    if sentences[-1].rstrip("\"'”»)* ").endswith("?"):
        sentences = sentences[-1:]
    elif len(sentences) > 2 * _AT_AN_END:
        sentences = sentences[:_AT_AN_END] + sentences[-_AT_AN_END:]
    orders = [one for one in sentences if _ORDER.match(one) or _EXTENT.search(one)]
    if _is_a_list(reference) and all(_LISTED.match(one) and not _EXTENT.search(one) for one in orders):
        return False
    if len(reference.split()) > 2 or len(reference) > _TWO_WORDS:
        return bool(orders)
    return any(_OF_A_TEXT.search(one) or not _AS_LONG_AS_ITS_INPUT.match(one) for one in orders)


def _is_a_list(reference: str) -> bool:
    """Whether it is some names between commas: it is judged as a list, whatever the order of its members."""
    members = re.split(r"\s*[,;]\s*(?:and\s+)?", reference.strip().rstrip("."))
    return len(members) > 1 and all(1 <= len(member.split()) <= _WORDS_OF_A_NAME for member in members)


def _is_a_fact(reference: str) -> bool:
    bare = reference.strip().strip(".").casefold()
    words = len(_WORD.findall(_LATEX_COMMAND.sub(" ", bare)))
    return bare in _VERDICTS or words == 0 or (words <= 2 and _OF_FIGURES.search(bare) is not None)


def _is_long(sentence: str) -> bool:
    if _ORDER.match(sentence) or _ADVICE.search(sentence):
        return True
    return bool(_EXTENT.search(sentence)) and bool(sentence.endswith("?") or _OF_THE_ANSWER.match(sentence))


def _sentences(question: str) -> list[str]:
    """The sentences at both ends, each with its mark: of a long question not those between."""
    text = _FENCED.sub("\n", question) if "```" in question or "~~~" in question else question
    if len(text) > 2 * _LOOKED_AT:
        text = f"{text[:_LOOKED_AT]}\n{text[-_LOOKED_AT:]}"
    text = _QUOTED.sub(_emptied, text)
    found, begin = [], 0
    for end in _SENTENCE_END.finditer(text):
        found.append(text[begin : end.end()].strip())
        begin = end.end()
    found.append(text[begin:].strip())
    found = [sentence for sentence in found if any(c.isalnum() for c in sentence)]
    while len(found) > 1 and _THANKS.fullmatch(found[-1]):
        found.pop()
    return found


def _emptied(match: re.Match[str]) -> str:
    """Quotes without what they say, but with the mark that ends a sentence: ``'Write.'`` as ``'.'``."""
    said = match[0]
    return said[0] + (said[-2] if said[-2] in ".?!" else "") + said[-1]

#!/usr/bin/env bash
# sacrebleu 2.6.0: a file of perfect short answers has BLEU 0, each of them alone 100.
# Expected: a corpus in which every answer equals its reference scores 100, whatever their length.
# Seen: corpus_bleu of ["New York", "Paris"] against itself is 0.0; sentence_bleu of each is 100: without a text of four
#       words the corpus has no 4-grams, and only sentence_bleu leaves these out. chrF is 100 in both.
# Hurts: short-answer and extraction tasks, where a mean by sentence and a score by corpus tell opposite stories.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check sacrebleu==2.6.0
"$folder/venv/bin/python" - 2> /dev/null <<'PYTHON'
import sacrebleu

answers = ["New York", "Paris"]
corpus = sacrebleu.corpus_bleu(answers, [answers]).score
each = [round(sacrebleu.sentence_bleu(text, [text]).score) for text in answers]
chrf = round(sacrebleu.corpus_chrf(answers, [answers]).score)
longer = round(sacrebleu.corpus_bleu([*answers, "one answer of five words"], [[*answers, "one answer of five words"]]).score)
print("sacrebleu", sacrebleu.__version__, "corpus:", corpus, "each:", each, "chrF:", chrf, "with a longer one:", longer)
assert (corpus, each, chrf, longer) == (0.0, [100, 100], 100, 100)
PYTHON

#!/usr/bin/env bash
# Great Expectations 1.24.1: whether nothing is good depends on the rule, and so does whether NaN counts.
# Expected: one convention: rules on an empty or all-NaN column pass, or fail, or say that nothing was checked.
# Seen: with no rows, or only NaN, "values between", "values in set", "values unique" succeed while "maximum between" and
#       "mean between" fail. NaN is skipped in rules on one column; in "pair A greater than B" it is an unexpected value.
# Hurts: quality gates: a load that brought no figures passes most of its checks.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check great-expectations==1.24.1
export GX_ANALYTICS_ENABLED=false TQDM_DISABLE=1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import great_expectations as gx
import pandas

rules = gx.expectations
asset = gx.get_context(mode="ephemeral").data_sources.add_pandas("source").add_dataframe_asset("asset")
batches = asset.add_batch_definition_whole_dataframe("whole")

def passes(rule, **columns):
    frame = pandas.DataFrame(columns, dtype=float)
    return bool(batches.get_batch({"dataframe": frame}).validate(rule).success)

values = rules.ExpectColumnValuesToBeBetween(column="x", min_value=0, max_value=1)
unique = rules.ExpectColumnValuesToBeUnique(column="x")
highest = rules.ExpectColumnMaxToBeBetween(column="x", min_value=0, max_value=1)
mean = rules.ExpectColumnMeanToBeBetween(column="x", min_value=0, max_value=1)
pair = rules.ExpectColumnPairValuesAToBeGreaterThanB(column_A="y", column_B="x")
nan = float("nan")
seen = {
    "no rows": [passes(rule, x=[]) for rule in (values, unique, highest, mean)],
    "only NaN": [passes(rule, x=[nan, nan]) for rule in (values, unique, highest, mean)],
    "pair": [passes(pair, x=[1.0], y=[2.0]), passes(pair, x=[1.0, nan], y=[2.0, 2.0])],
}
print("great-expectations", gx.__version__, seen)
assert seen["no rows"] == seen["only NaN"] == [True, True, False, False]
assert seen["pair"] == [True, False]
PYTHON

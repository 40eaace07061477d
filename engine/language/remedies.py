"""What to write instead of other databases' functions and signs."""

from __future__ import annotations

from collections.abc import Mapping

DATE_PART_CALLS = "hour(at), year(date), month(date), day(date) or isodow(date), of which 1 is Monday"
CLOCK_REMEDY = "each question says which days it asks for"
GRAIN_REMEDY = "the grain of a question makes weeks and months"
LIKE_REMEDY = "write x like '%…%'"
REMAINDER_REMEDY = "write a - b * floor(a / b)"
RANK_REMEDY = "there is none, as databases differ in it; there are median, avg, min and max"
PERCENTILE_REMEDY = "write percentile(x, 0.9)"
SPREAD_REMEDY = "there is none; sum(x * x) / count(x) - avg(x) * avg(x) is the variance"
FUNCTION_REMEDIES: Mapping[str, str] = {
    **dict.fromkeys(("extract", "date_part", "datepart", "strftime", "format_date"), f"write {DATE_PART_CALLS}"),
    **dict.fromkeys(("dayofweek", "day_of_week", "weekday", "dow", "dayname", "todayofweek"), "write isodow(date)"),
    **dict.fromkeys(("dayofmonth", "day_of_month"), "write day(date)"),
    **dict.fromkeys(("date_trunc", "datetrunc", "week", "isoweek", "quarter", "last_day"), GRAIN_REMEDY),
    **dict.fromkeys(("now", "today", "curdate", "getdate", "current_date", "current_timestamp"), CLOCK_REMEDY),
    **dict.fromkeys(("to_char", "date_format"), "write cast(date as text), which is 2025-01-31"),
    **dict.fromkeys(("countif", "count_if"), "write count(case when … then 1 end)"),
    **dict.fromkeys(("sumif", "sum_if"), "write sum(case when … then … end)"),
    **dict.fromkeys(("safe_divide", "div0", "divide", "div"), "write a / b, which is null where b is 0"),
    **dict.fromkeys(("starts_with", "startswith"), "write x like '…%'"),
    **dict.fromkeys(("ends_with", "endswith", "right"), "write x like '%…'"),
    **dict.fromkeys(("contains", "instr", "strpos", "position", "charindex", "locate"), LIKE_REMEDY),
    **dict.fromkeys(("regexp_like", "regexp_contains", "regexp_matches", "match"), LIKE_REMEDY),
    **dict.fromkeys(("approx_count_distinct", "count_distinct", "uniq"), "write count(distinct x)"),
    **dict.fromkeys(("try_cast", "safe_cast", "convert"), "write cast(x as double)"),
    **dict.fromkeys(("trunc", "truncate"), "write cast(x as int)"),
    **dict.fromkeys(("percentile_cont", "percentile_disc", "quantile_cont", "approx_percentile"), PERCENTILE_REMEDY),
    **dict.fromkeys(("approx_quantile", "percentile cont", "percentile disc"), PERCENTILE_REMEDY),
    **dict.fromkeys(("mode", "first_value", "last_value", "ntile"), RANK_REMEDY),
    **dict.fromkeys(("stddev", "stddev_pop", "stddev_samp", "stdev", "variance", "var_pop", "var_samp"), SPREAD_REMEDY),
    **dict.fromkeys(("minute", "second"), "there is none; hour(at) is the hour of a timestamp"),
    "left": "write substring(x, 1, n)",
    "log": "write ln(x), or ln(x) / ln(10)",
    "log10": "write ln(x) / ln(10)",
    "log2": "write ln(x) / ln(2)",
    "sign": "write case when x > 0 then 1 when x < 0 then -1 else 0 end",
    "concat_ws": "write concat(a, ' ', b)",
    "to_date": "write date(x)",
}
# Clauses of a query that stand behind an expression.
CLAUSE_REMEDIES: Mapping[str, str] = {
    "where": "put the condition under the key `where:`",
    "group by": "name the column under the key `by:`",
    "having": "put the condition into the expression: case when … then … end; a table of members has the key `having:`",
    "order by": "remove it: series stand largest first",
    "limit": "say under the key `top:` how many members are shown",
    "from": "name the table under the key `table:`",
}
# Signs, and operators by the parser's names.
SIGN_REMEDIES: Mapping[str, str] = {
    "%": REMAINDER_REMEDY,
    "mod": REMAINDER_REMEDY,
    "^": "write pow(x, 2)",
    "&": "write and",
    "|": "write or",
    "!": "write not, or <>",
    "~": LIKE_REMEDY,
    **dict.fromkeys("‘’‚‛“”„‟«»′″", "write the straight quote ': 'Email'"),
    **dict.fromkeys("−–—", "write -"),
    **dict.fromkeys("×·", "write *"),
    **dict.fromkeys("÷∕", "write /"),
    **dict.fromkeys("≥≤≠", "write >=, <= or <>"),
    "`": "names need no quotes",
    "[": "names need no quotes",
    "=": "write >=",
    "ilike": "write lower(x) like '…%'",
    "regexp like": LIKE_REMEDY,
    "regexp ilike": LIKE_REMEDY,
    "null safe eq": "write a = b or (a is null and b is null)",
    "null safe neq": "write a <> b or a is null",
    "interval": CLOCK_REMEDY,
    "escape": "write replace(x, '%', '!') like '…', say",
    "tuple": "compare each by itself, joined by and",
}


def suggest_instead(name: str) -> str:
    """Return the remedy as the end of a message; empty where there is none."""
    found = FUNCTION_REMEDIES.get(name) or SIGN_REMEDIES.get(name)
    return f"; {found}" if found else ""

#!/bin/sh
# policy_functions.sh FUNCTIONS.txt OUT.c: the table of policy_function.h, sorted by name for
# bsearch(3). Fails when a name stands twice or before the first section.
set -eu
LC_ALL=C
export LC_ALL
awk '
/^[ \t]*(#|$)/ { next }
/^\[/ {
	kind = $0
	sub(/^\[/, "", kind)
	sub(/:.*/, "", kind)
	text = $0
	sub(/^[^:]*: */, "", text)
	sub(/\]$/, "", text)
	if (kind !~ /^(allow|as_of|by_name|table|refuse)$/) {
		print FILENAME ":" NR ": unknown kind of section: " kind > "/dev/stderr"
		exit 1
	}
	next
}
{
	if (kind == "") {
		print FILENAME ":" NR ": a name before the first section" > "/dev/stderr"
		exit 1
	}
	for (i = 1; i <= NF; i++)
		print tolower($i) "\t" toupper(kind) "\t" text
}' "$1" | sort -t '	' -k 1,1 | awk -F '\t' '
BEGIN {
	print "/* Made by policy_functions.sh from policy_functions.txt. */"
	print "#include \"runner/policy_function.h\"\n"
	print "const struct policy_function policy_functions[] = {"
}
$1 == last {
	print "the function " $1 " stands twice" > "/dev/stderr"
	failed = 1
	exit 1
}
{
	last = $1
	gsub(/["\\]/, "\\\\&")
	printf "        {\"%s\", POLICY_FUNCTION_%s, \"%s\"},\n", $1, $2, $3
}
END {
	if (!failed && NR > 0)
		print "};\nconst size_t policy_functions_n = sizeof(policy_functions) / sizeof(*policy_functions);"
	else
		exit 1
}' >"$2"

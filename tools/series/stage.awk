#!/usr/bin/awk -f
# SPDX-License-Identifier: GPL-2.0
#
# stage.awk - print a Makefile, Kconfig file or source as it is when not all patches of
# the series have been applied
#
#   -v kind=make     without objects and folders that are not there
#   -v kind=kconfig  without symbols that nothing uses yet (used=FILE has those in use) and
#                    without files that are not there
#   -v kind=exports  without exports that have no user yet: exports=FILE has a line for
#                    each that is not as it will be, "SYMBOL none" or "SYMBOL kunit"
#
#   -v tree=DIR      what is there; -v pristine=DIR what is there besides
#   -v file=PATH     where the file is in the tree
#
# The pristine file's own lines stay. So a file need not be written once for each patch.

function is_file(path,    text, ok) {
	ok = (getline text < path) >= 0
	close(path)
	return ok
}

function exists(path) { return is_file(tree "/" path) || is_file(pristine "/" path) }

# Is there a source for this word of a list of objects?
function has_source(word,    base) {
	if (word ~ /\/$/)
		return exists(dir word "Makefile")
	base = substr(word, 1, length(word) - 2)
	return base in composite || exists(dir base ".c") || exists(dir base ".S")
}

function is_object(word) { return word ~ /^[A-Za-z0-9_-]+(\.o|\/)$/ }

function emit(line) { out[++nr_out] = line }

# What was said about it goes with a line, and one blank line
function drop() {
	while (nr_out > 1 && out[nr_out] ~ /^#/)
		nr_out--
	if (nr_out && out[nr_out] == "")
		nr_out--
}

# The lines first to last are one for make
function make_line(first, last,    i, words, nr, j, kept, gone, text, rest, parts) {
	kept = gone = 0
	for (i = first; i <= last; i++) {
		text[i] = line[i]
		if (line[i] in old) {
			kept++
			continue
		}
		rest = line[i]
		if (i == first && match(rest, /[:+]?=/)) {
			if (match(rest, /^CFLAGS_[A-Za-z0-9_-]+\.o/) &&
			    !has_source(substr(rest, 8, RLENGTH - 7)))
				gone++
			sub(/^[^=]*=/, "", rest)
		}
		nr = split(rest, words, /[ \t\\]+/)
		parts = 0
		for (j = 1; j <= nr; j++) {
			if (!is_object(words[j]))
				continue
			if (has_source(words[j])) {
				parts++
			} else {
				gone++
				sub("[ \t]" words[j], "", text[i])
			}
		}
		kept += parts
		if (i > first && !parts)
			text[i] = ""
	}
	if (gone && !kept) {
		drop()
		return
	}
	for (j = last; j > first && text[j] == ""; j--)
		;
	sub(/[ \t]*\\$/, "", text[j])
	for (i = first; i <= j; i++)
		if (i == first || text[i] != "")
			emit(text[i])
}

function do_make(    i, last, name, rest, words, nr, j) {
	for (i = 1; i <= nr_lines; i = last + 1) {
		for (last = i; line[last] ~ /\\$/ && last < nr_lines; last++)
			;
		if (!match(line[i], /^[A-Za-z0-9_-]+-(y|objs|\$\([A-Z0-9_]+\))[ \t]*[:+]?=/))
			continue
		name = substr(line[i], 1, RLENGTH)
		sub(/-(y|objs|\$\([A-Z0-9_]+\))[ \t]*[:+]?=$/, "", name)
		if (name == "obj")
			continue
		for (j = i; j <= last; j++) {
			rest = line[j]
			sub(/^[^=]*=/, "", rest)
			nr = split(rest, words, /[ \t\\]+/)
			while (nr)
				if (is_object(words[nr--]) && has_source(words[nr + 1]))
					composite[name] = 1
		}
	}
	for (i = 1; i <= nr_lines; i = last + 1) {
		for (last = i; line[last] ~ /\\$/ && last < nr_lines; last++)
			;
		make_line(i, last)
	}
}

function do_kconfig(    i, words, blanks, skip) {
	for (i = 1; i <= nr_lines; i++) {
		if (line[i] == "") {
			blanks++
			continue
		}
		if (line[i] !~ /^[ \t]/) {
			split(line[i], words, /[ \t"]+/)
			skip = !(line[i] in old) &&
				((words[1] ~ /^(menu)?config$/ && !(words[2] in in_use)) ||
				 (words[1] == "source" && !exists(words[2])))
			# A blank line before what goes, goes; within it, too
			if (skip)
				blanks = 0
		}
		if (skip) {
			blanks = 0
			continue
		}
		for (; blanks > 0; blanks--)
			emit("")
		emit(line[i])
	}
}

function do_exports(    i, symbol) {
	for (i = 1; i <= nr_lines; i++) {
		symbol = ""
		if (line[i] ~ /^EXPORT_SYMBOL/) {
			symbol = line[i]
			sub(/^[^(]*\(/, "", symbol)
			sub(/[,)].*/, "", symbol)
		}
		if (action[symbol] == "none")
			continue
		if (action[symbol] == "kunit")
			emit("EXPORT_SYMBOL_FOR_MODULES(" symbol ", \"" kunit "\");")
		else
			emit(line[i])
	}
}

{ line[++nr_lines] = $0 }

END {
	dir = file
	sub(/[^\/]*$/, "", dir)
	while ((getline text < (pristine "/" file)) > 0)
		if (text != "")
			old[text] = 1
	while (used != "" && (getline text < used) > 0)
		in_use[text] = 1
	while (exports != "" && (getline text < exports) > 0) {
		split(text, words, " ")
		action[words[1]] = words[2]
	}
	if (kind == "make")
		do_make()
	else if (kind == "kconfig")
		do_kconfig()
	else
		do_exports()
	for (i = 1; i <= nr_out; i++)
		print out[i]
}

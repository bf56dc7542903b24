// SPDX-License-Identifier: GPL-2.0
/*
 * What others have named, made harmless
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "json.h"
#include "message.h"
#include "tap.h"
#include "text.h"

static void clean_is(const char *text, const char *want, const char *name)
{
	char *copy = strdup(text);

	text_clean(copy);
	if (strcmp(copy, want))
		printf("# '%s'\n", copy);
	tap_ok(!strcmp(copy, want), name);
	free(copy);
}

static void test_clean(void)
{
	clean_is("", "", "nothing");
	clean_is("plain 123", "plain 123", "ASCII");
	clean_is("Gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
		 "Gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
		 "characters of two, three and four bytes");
	clean_is("a\nb\tc\033[31m\x7f", "a?b?c?[31m?", "controls of ASCII");
	clean_is("\xc2\x9b" "31m\xc2\x85", "?31m?", "the other controls, U+009B");
	clean_is("\x9b" "31m", "?31m", "a byte that 8-bit terminals take for one");
	clean_is("cut \xe2\x82", "cut ??", "a character that was cut");
	clean_is("\xc0\x8a\xe0\x80\x8a", "?????", "controls in too many bytes");
	clean_is("\xed\xa0\x80", "???", "half of a pair");
	clean_is("\xf4\x90\x80\x80\xff\xfe", "??????", "beyond the last");
	clean_is("gpj\xe2\x80\xaetxt", "gpj?txt", "a change of direction");
	clean_is("a\xe2\x80\xa8z\xef\xbb\xbf", "a?z?", "line separator, mark");
}

static void test_lengths(void)
{
	const char *text = "Gr\xc3\xbc\xc3\x9f\xe2\x82\xac!";

	tap_ok(text_length(text) == 6, "characters are counted, not bytes");
	tap_ok(text_cut(text, 3) == 4 && text_cut(text, 2) == 2 &&
		       text_cut(text, 99) == strlen(text) &&
		       text_cut(text, 0) == 0,
	       "it is cut between characters");
}

static void test_json(void)
{
	struct json_object *obj = json_new_object();
	const char *got;

	json_text(obj, "name", "x\xff\xc2\x9bz\n");
	got = json_object_get_string(json_object_object_get(obj, "name"));
	tap_ok(!strcmp(got, "x??z?"), "JSON has nothing else");
	json_object_put(obj);
}

static void test_complain(void)
{
	int memfd = memfd_create("stderr", MFD_CLOEXEC);
	int saved = dup(STDERR_FILENO);
	char text[256] = "";

	dup2(memfd, STDERR_FILENO);
	complain("a\xc2\x9b", "do\033c", "no %s", "b\nc");
	complain("", NULL, "nothing");
	dup2(saved, STDERR_FILENO);
	close(saved);
	if (pread(memfd, text, sizeof(text) - 1, 0) < 0)
		abort();
	tap_ok(!strcmp(text, "dmabuf-p2p: a?: no b?c\n  do?c\n"
			     "dmabuf-p2p: '': nothing\n"),
	       "messages have nothing else");
	close(memfd);
}

int main(void)
{
	test_clean();
	test_lengths();
	test_json();
	test_complain();
	return tap_end();
}

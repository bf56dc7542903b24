// SPDX-License-Identifier: GPL-2.0
/*
 * What others have named, made fit for a terminal
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "array.h"
#include "text.h"

/* Return: bytes of the character at @text, 0 if it is none; its number in @code */
static size_t decode(const unsigned char *text, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len, i;

	*code = text[0];
	if (text[0] < 0x80)
		return 1;
	len = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
	if (text[0] < 0xc0 || text[0] > 0xf7)
		return 0;
	*code = text[0] & (0x7fu >> len);
	for (i = 1; i < len; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (text[i] & 0x3f);
	}
	return *code < least[len] || *code > 0x10ffff ||
	       (*code >= 0xd800 && *code < 0xe000) ? 0 : len;
}

static bool is_harmless(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} bad[] = {
		{ 0, 0x1f }, { 0x7f, 0x9f }, { 0x61c, 0x61c },
		{ 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
		{ 0xfeff, 0xfeff }, { 0xfff0, 0xfffb }, { 0xfffe, 0xffff },
		{ 0xe0000, 0xe0fff },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		if (code >= bad[i].first && code <= bad[i].last)
			return false;
	return true;
}

char *text_clean(char *text)
{
	const char *from = text;
	char *to = text;
	uint32_t code;
	size_t len;

	while (*from) {
		len = decode((const unsigned char *)from, &code);
		if (len && is_harmless(code)) {
			memmove(to, from, len);
			to += len;
		} else {
			*to++ = '?';
		}
		from += len ? len : 1;
	}
	*to = 0;
	return text;
}

// SPDX-License-Identifier: GPL-2.0
#include "svg.h"
#include "text.h"

#define MARGIN 28

/* Longer than any card is wide */
#define LONG 160

static const char light[] =
	".card{fill:#ffffff;stroke:#d0d7de}"
	"text{font:12px system-ui,sans-serif;fill:#1f2328}"
	".title{font-size:16px;font-weight:600}"
	".small{font-size:11px;fill:#59636e}"
	".middle{text-anchor:middle}.end{text-anchor:end}";

static const char night[] =
	".card{fill:#0d1117;stroke:#3d444d}"
	"text{fill:#f0f6fc}.small{fill:#9198a1}";

void svg_escaped(FILE *out, const char *text, size_t max)
{
	const size_t end = text_cut(text, max);
	size_t i;

	for (i = 0; i < end; i++)
		switch (text[i]) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		default:
			fputc(text[i], out);
		}
	if (text[i])
		fputs("…", out);
}

void svg_text(FILE *out, const char *class, int x, int y, const char *text,
	      size_t max)
{
	fprintf(out, "<text class=\"%s\" x=\"%d\" y=\"%d\">", class, x, y);
	svg_escaped(out, text, max);
	fputs("</text>\n", out);
}

static void rectangle(FILE *out, const char *class, int x, int y, int width,
		      int height, int radius)
{
	fprintf(out, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"%d\"/>\n",
		class, x, y, width, height, radius);
}

void svg_box(FILE *out, const char *class, int x, int y, int width, int height)
{
	rectangle(out, class, x, y, width, height, 6);
}

void svg_bar(FILE *out, const char *class, int x, int y, int width, int height)
{
	rectangle(out, class, x, y, width, height, 1);
}

void svg_line(FILE *out, const char *class, int x, int y, int to_x, int to_y)
{
	fprintf(out, "<path class=\"%s\" d=\"M%d %dL%d %d\"/>\n", class, x, y,
		to_x, to_y);
}

void svg_begin(FILE *out, int width, int height, const char *style,
	       const char *dark, const char *title, const char *subtitle)
{
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n"
		"<style>%s%s@media(prefers-color-scheme:dark){%s%s}</style>\n",
		width, height, width, height, light, style, night, dark);
	fprintf(out,
		"<rect class=\"card\" x=\"0.5\" y=\"0.5\" width=\"%d\" height=\"%d\" rx=\"10\"/>\n",
		width - 1, height - 1);
	svg_text(out, "title", MARGIN, 36, title, LONG);
	svg_text(out, "small", MARGIN, 56, subtitle, LONG);
}

void svg_end(FILE *out)
{
	fputs("</svg>\n", out);
}

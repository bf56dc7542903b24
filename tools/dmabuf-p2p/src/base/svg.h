/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SVG_H
#define SVG_H

#include <stddef.h>
#include <stdio.h>

/*
 * Pictures: cards with a background of their own, which follow the reader's light or
 * dark mode where the viewer knows about that.
 *
 * Classes of texts: "" is 12 pixels, "title", "small", and "middle" or "end" for where
 * x is; of boxes: what @style of svg_begin() has.
 */

/**
 * svg_begin - the head of a picture, its card and its title
 * @out: the file
 * @width: pixels
 * @height: pixels
 * @style: rules of CSS for this picture's own classes, light
 * @dark: the same for dark mode
 * @title: what it shows
 * @subtitle: of what
 */
void svg_begin(FILE *out, int width, int height, const char *style,
	       const char *dark, const char *title, const char *subtitle);

/** svg_text - a text, at most @max characters of it */
void svg_text(FILE *out, const char *class, int x, int y, const char *text,
	      size_t max);

/** svg_box - a rectangle with round corners */
void svg_box(FILE *out, const char *class, int x, int y, int width, int height);

/** svg_bar - a rectangle with corners that are hardly round */
void svg_bar(FILE *out, const char *class, int x, int y, int width, int height);

/** svg_line - a straight line */
void svg_line(FILE *out, const char *class, int x, int y, int to_x, int to_y);

/** svg_escaped - at most @max characters of a text, for between two tags */
void svg_escaped(FILE *out, const char *text, size_t max);

void svg_end(FILE *out);

#endif /* SVG_H */

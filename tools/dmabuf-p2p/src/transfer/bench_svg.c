// SPDX-License-Identifier: GPL-2.0
/*
 * A benchmark as a picture: bandwidth above, and below it how long transfers took, both
 * by size, and both ways beside each other
 */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "bench.h"
#include "message.h"
#include "output.h"
#include "svg.h"
#include "text.h"
#include "units.h"
#include "verb.h"

#define LEFT 96
#define RIGHT 28
#define TOP 128
#define RATE_HEIGHT 190
#define BETWEEN 62
#define TIME_HEIGHT 210
#define BOTTOM 70
#define GROUP 84
#define BAR 26
#define LINE 100

/* The least width in which titles and legend fit */
#define LEAST 760

/* Lines of the scale of bandwidths */
#define STEPS 4

static const char style[] =
	".grid{stroke:#d8dee4;stroke-width:1}.axis{stroke:#8c959f;stroke-width:1}"
	".heading{font-weight:600}"
	".direct{fill:#0969da}.bounce{fill:#d4752b}"
	".direct-line{stroke:#0969da;stroke-width:1.5}"
	".bounce-line{stroke:#d4752b;stroke-width:1.5}"
	".median{stroke:#ffffff;stroke-width:2}"
	".value{font-size:10px;fill:#59636e;text-anchor:middle}";

static const char dark[] =
	".grid{stroke:#2a313c}.axis{stroke:#656c76}"
	".direct{fill:#4493f8}.bounce{fill:#e58a4a}"
	".direct-line{stroke:#4493f8}.bounce-line{stroke:#e58a4a}"
	".median{stroke:#0d1117}.value{fill:#9198a1}";

/**
 * struct chart - a picture in the making
 * @bench: what was measured
 * @out: the file
 * @width: of the part with the groups of bars
 * @group: of one of them
 * @most: bandwidth at the upper end of the scale
 * @unit: B/s, kB/s and so on, by which it is counted there
 * @first: power of ten of ns at the lower end of the times
 * @last: at the upper end
 */
struct chart {
	const struct bench *bench;
	FILE *out;
	int width;
	int group;
	double most;
	double unit;
	int first;
	int last;
};

static const int rate_bottom = TOP + RATE_HEIGHT;
static const int time_bottom = TOP + RATE_HEIGHT + BETWEEN + TIME_HEIGHT;

/* So that a quarter of it is a number to read */
static double round_up(double most)
{
	static const double steps[] = { 1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10 };
	double power = pow(10, floor(log10(most > 0 ? most : 1)));
	size_t i;

	for (i = 0; i + 1 < ARRAY_SIZE(steps) && steps[i] * power < most; i++)
		;
	return steps[i] * power;
}

static void consider(struct chart *chart, const struct measured *m)
{
	if (!m->iterations)
		return;
	if (m->rate > chart->most)
		chart->most = m->rate;
	if ((int)floor(log10((double)m->min + 1)) < chart->first)
		chart->first = (int)floor(log10((double)m->min + 1));
	if ((int)ceil(log10((double)m->max + 1)) > chart->last)
		chart->last = (int)ceil(log10((double)m->max + 1));
}

static int group_x(const struct chart *chart, size_t i)
{
	return LEFT + (int)i * chart->group + chart->group / 2;
}

static int rate_y(const struct chart *chart, double rate)
{
	return rate_bottom - (int)(rate / chart->most * RATE_HEIGHT + 0.5);
}

static int time_y(const struct chart *chart, uint64_t ns)
{
	double at = (log10((double)ns + 1) - chart->first) /
		    (chart->last - chart->first);

	return time_bottom - (int)((at < 0 ? 0 : at) * TIME_HEIGHT + 0.5);
}

static const char *rate_text(const struct chart *chart, int step,
			     char text[UNITS_TEXT])
{
	static const char *const units[] = { "B/s", "kB/s", "MB/s", "GB/s", "TB/s" };
	size_t i = (size_t)(log10(chart->unit) / 3 + 0.5);

	snprintf(text, UNITS_TEXT, "%g %s", chart->most * step / STEPS / chart->unit,
		 units[i < ARRAY_SIZE(units) ? i : 0]);
	return text;
}

static void draw_scales(const struct chart *chart)
{
	char text[UNITS_TEXT];
	int i, y;

	svg_text(chart->out, "heading", LEFT, TOP - 16, "Bandwidth", LINE);
	for (i = 0; i <= STEPS; i++) {
		y = rate_y(chart, chart->most * i / STEPS);
		svg_line(chart->out, i ? "grid" : "axis", LEFT, y,
			 LEFT + chart->width, y);
		svg_text(chart->out, "small end", LEFT - 8, y + 4,
			 i ? rate_text(chart, i, text) : "0", LINE);
	}
	svg_text(chart->out, "heading", LEFT, rate_bottom + BETWEEN - 16,
		 "How long a transfer took", LINE);
	for (i = chart->first; i <= chart->last; i++) {
		y = time_bottom - (i - chart->first) * TIME_HEIGHT /
				  (chart->last - chart->first);
		svg_line(chart->out, i == chart->first ? "axis" : "grid", LEFT, y,
			 LEFT + chart->width, y);
		svg_text(chart->out, "small end", LEFT - 8, y + 4,
			 format_time(pow(10, i), text), LINE);
	}
}

static void draw_rate(const struct chart *chart, const struct measured *m, int x,
		      const char *class)
{
	const int y = rate_y(chart, m->rate);
	char text[UNITS_TEXT];

	svg_bar(chart->out, class, x - BAR / 2, y, BAR,
		rate_bottom - y > 0 ? rate_bottom - y : 1);
	/* In the unit of the scale: two numbers side by side can be compared */
	snprintf(text, sizeof(text), "%.*f",
		 m->rate < 9.95 * chart->unit ? 2 : m->rate < 99.5 * chart->unit ? 1 : 0,
		 m->rate / chart->unit);
	svg_text(chart->out, "value", x, y - 4, text, LINE);
}

/* A line from the quickest to the slowest, a box from p50 to p99, and p50 to read */
static void draw_times(const struct chart *chart, const struct measured *m, int x,
		       const char *class)
{
	const int low = time_y(chart, m->p50), high = time_y(chart, m->p99);
	char *line = text_format("%s-line", class), text[UNITS_TEXT];
	const int mid = time_y(chart, m->p90);

	svg_line(chart->out, line, x, time_y(chart, m->min), x,
		 time_y(chart, m->max));
	svg_bar(chart->out, class, x - BAR / 4, high, BAR / 2,
		low - high > 3 ? low - high : 3);
	if (mid - high > 2 && low - mid > 2)
		svg_line(chart->out, "median", x - BAR / 4, mid, x + BAR / 4, mid);
	svg_text(chart->out, "value", x, time_y(chart, m->min) + 13,
		 format_time((double)m->p50, text), LINE);
	free(line);
}

static void draw_group(const struct chart *chart, size_t i)
{
	const struct bench_result *result = &chart->bench->result[i];
	const bool both = result->bounce.iterations;
	const int x = group_x(chart, i), beside = both ? chart->group / 4 : 0;
	char size[UNITS_TEXT], depth[UNITS_TEXT + 8];

	draw_rate(chart, &result->direct, x - beside, "direct");
	draw_times(chart, &result->direct, x - beside, "direct");
	if (both) {
		draw_rate(chart, &result->bounce, x + beside, "bounce");
		draw_times(chart, &result->bounce, x + beside, "bounce");
	}
	format_size_i(result->size, size);
	svg_text(chart->out, "middle", x, rate_bottom + 18, size, LINE);
	svg_text(chart->out, "middle", x, time_bottom + 32, size, LINE);
	snprintf(depth, sizeof(depth), "%u deep", result->depth);
	if (result->depth > 1)
		svg_text(chart->out, "value", x, time_bottom + 46, depth, LINE);
}

static void draw_legend(const struct chart *chart)
{
	const char *what = "line: quickest to slowest; box: p50 to p99, with p90; number: p50";
	const int x = LEFT;

	svg_bar(chart->out, "direct", x, 76, 14, 14);
	svg_text(chart->out, "small", x + 20, 87, "direct", LINE);
	if (chart->bench->bounce) {
		svg_bar(chart->out, "bounce", x + 80, 76, 14, 14);
		svg_text(chart->out, "small", x + 100, 87, "through memory", LINE);
	}
	svg_text(chart->out, "small", x + (chart->bench->bounce ? 220 : 80), 87, what, LINE);
}

static void draw(struct chart *chart)
{
	const struct bench *bench = chart->bench;
	const struct engine *engine = &bench->job.engine;
	char *title = text_clean(text_format("%s to %s", bench->job.from.spec,
					     bench->job.to.spec));
	char *subtitle = text_clean(text_format("by %s%s%s%s", engine->name,
		engine->emulator ? ", emulated by " : "",
		engine->emulator ? engine->emulator : "",
		engine->emulator ? ": how fast it is says nothing about hardware" : ""));
	size_t i;

	chart->group = LEAST / (int)(bench->nr_results ? bench->nr_results : 1);
	if (chart->group > 3 * GROUP)
		chart->group = 3 * GROUP;
	if (chart->group < GROUP)
		chart->group = GROUP;
	chart->width = chart->group * (int)bench->nr_results;
	svg_begin(chart->out, LEFT + (chart->width < LEAST ? LEAST : chart->width) +
		  RIGHT, time_bottom + BOTTOM, style, dark, title, subtitle);
	free(title);
	free(subtitle);
	draw_legend(chart);
	draw_scales(chart);
	for (i = 0; i < bench->nr_results; i++)
		draw_group(chart, i);
	svg_end(chart->out);
}

int bench_svg(const struct bench *bench)
{
	struct chart chart = { .bench = bench, .first = 20 };
	size_t i;
	int ret;

	for (i = 0; i < bench->nr_results; i++) {
		consider(&chart, &bench->result[i].direct);
		consider(&chart, &bench->result[i].bounce);
	}
	chart.most = round_up(chart.most);
	/* That of the first number that is not 0 */
	chart.unit = pow(1000, floor(log10(chart.most / STEPS) / 3));
	if (chart.last <= chart.first)
		chart.last = (chart.first = chart.first > 9 ? 0 : chart.first) + 1;
	chart.out = output_file(bench->svg);
	if (!chart.out) {
		complain(bench->svg, NULL, "cannot be written: %s", strerror(errno));
		return EXIT_FAILED;
	}
	draw(&chart);
	ret = output_file_done(chart.out);
	if (ret)
		complain(bench->svg, NULL, "cannot be written: %s", strerror(-ret));
	return ret ? EXIT_FAILED : EXIT_OK;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * What a benchmark says: a table, JSON, or CSV with one line for each size and way
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "bench.h"
#include "json.h"
#include "text.h"
#include "units.h"
#include "verb.h"

#define INDENT 8

static void say(const char *what, char *text)
{
	char first[INDENT + 1];

	snprintf(first, sizeof(first), "%-7s", what);
	text_wrapped(INDENT, first, text);
	free(text);
}

static void say_end(const char *what, const struct end *end)
{
	char size[UNITS_TEXT];

	say(what, text_format("%s, %s", end->spec,
			      format_size_i(end->size, size)));
}

static void say_engine(const struct engine *engine)
{
	char name[128] = "this CPU";

	if (engine->pci[0])
		device_name(engine->pci, name, sizeof(name));
	if (engine->emulator)
		say("engine", text_format("%s, %s. Emulated by %s: how fast it is says nothing about hardware",
					  engine->name, name, engine->emulator));
	else
		say("engine", text_format("%s, %s", engine->name, name));
}

static bool has_route(const struct bench *bench, const struct end *end)
{
	return bench->job.engine.pci[0] && end->buffer.fd >= 0 && !end->disk;
}

static void say_route(const struct bench *bench, const struct end *end)
{
	const char *pci = bench->job.engine.pci;
	char text[ACCESS_TEXT];
	bool reaches;

	if (has_route(bench, end) &&
	    access_route(end->buffer.fd, pci, text, &reaches))
		say("route", text_format("%s to %s: %s", bench->job.engine.pci,
					 end->spec, text));
}

static void say_bounce(const struct bench *bench)
{
	const struct job *job = &bench->job;
	const char *first = job->to.disk ? "the CPU" : job->engine.name;
	const char *second = job->from.disk ? "the CPU" : job->engine.name;

	if (bench->bounce)
		say("bounce", text_format("for comparison: into memory by %s, from there by %s",
					  first, second));
}

static void say_runs(const struct bench *bench)
{
	char limit[UNITS_TEXT * 2] = "", times[UNITS_TEXT] = "", verified[64] = "";

	if (bench->iterations != UINT64_MAX)
		snprintf(times, sizeof(times), "%" PRIu64 " times",
			 bench->iterations);
	if (bench->duration != UINT64_MAX)
		snprintf(limit, sizeof(limit), "%s%g s",
			 *times ? ", at most " : "",
			 (double)bench->duration / 1e9);
	if (job_has_seed(&bench->job))
		snprintf(verified, sizeof(verified),
			 ", every byte compared, seed %" PRIu64, bench->job.seed);
	else if (bench->job.verify)
		snprintf(verified, sizeof(verified), ", every byte compared");
	say("runs", text_format("%s%s for each size%s, depth %u%s", times, limit,
				bench->bounce || bench->both_ways ? " and way" : "",
				bench->depth, verified));
}

static void say_sizes(const struct bench *bench)
{
	char text[SIZES_MAX * UNITS_TEXT] = "", one[UNITS_TEXT];
	size_t i;

	for (i = 0; i < bench->nr_sizes; i++) {
		strcat(text, i ? " " : "");
		strcat(text, format_size_i(bench->sizes[i], one));
	}
	say("sizes", text_format("%s", text));
}

static void begin_text(const struct bench *bench)
{
	say_end("from", &bench->job.from);
	say_end("to", &bench->job.to);
	say_engine(&bench->job.engine);
	say_route(bench, &bench->job.from);
	say_route(bench, &bench->job.to);
	say_bounce(bench);
	say_runs(bench);
	say_sizes(bench);
	putchar('\n');
	if (bench->bounce)
		printf("%37s %37s\n", "direct", "through memory");
	if (bench->both_ways)
		printf("%37s %26s\n", "there", "back");
	printf("%5s %7s %9s %7s %7s %7s %7s", "size", "runs", "bandwidth",
	       "p50", "p90", "p99", "max");
	if (bench->bounce)
		printf(" %9s %7s %5s", "bandwidth", "p50", "ratio");
	if (bench->both_ways)
		printf(" %9s %9s", "bandwidth", "both ways");
	putchar('\n');
}

static double ratio(const struct bench_result *result)
{
	return result->direct.rate / result->bounce.rate;
}

static void size_text(const struct bench *bench,
		      const struct bench_result *result)
{
	const struct measured *m = &result->direct;
	char size[UNITS_TEXT], rate[UNITS_TEXT], both[UNITS_TEXT], times[4][UNITS_TEXT];

	printf("%5s %7" PRIu64 " %9s %7s %7s %7s %7s",
	       format_size_i(result->size, size), m->iterations,
	       format_rate(m->rate, rate),
	       format_time((double)m->p50, times[0]),
	       format_time((double)m->p90, times[1]),
	       format_time((double)m->p99, times[2]),
	       format_time((double)m->max, times[3]));
	m = &result->bounce;
	if (m->iterations)
		printf(" %9s %7s %5.*f", format_rate(m->rate, rate),
		       format_time((double)m->p50, times[0]),
		       ratio(result) < 100 ? 2 : 0, ratio(result));
	else if (bench->bounce)
		printf(" %9s %7s %5s", "-", "-", "-");
	m = &result->back;
	if (m->iterations)
		printf(" %9s %9s", format_rate(m->rate, rate),
		       format_rate(result->both, both));
	else if (bench->both_ways)
		printf(" %9s %9s", "-", "-");
	putchar('\n');
	fflush(stdout);
}

/* The line of a size has no place for it */
static void say_depths(const struct bench *bench)
{
	char *text = NULL, *longer, one[UNITS_TEXT];
	size_t i;

	for (i = 0; i < bench->nr_results; i++) {
		const struct bench_result *result = &bench->result[i];

		if (result->depth == bench->depth)
			continue;
		longer = text_format("%s%s%u at %s", text ? text : "",
				     text ? ", " : "", result->depth,
				     format_size_i(result->size, one));
		free(text);
		text = longer;
	}
	if (text) {
		putchar('\n');
		longer = text_format("Depth is what the engine or the ends have room for: %s",
				     text);
		text_wrapped(0, "", longer);
		free(longer);
	}
	free(text);
}

static void end_text(const struct bench *bench, int ret)
{
	char text[SIZES_MAX * UNITS_TEXT] = "", one[UNITS_TEXT];
	size_t i;

	say_depths(bench);
	for (i = 0; i < bench->nr_left_out; i++) {
		strcat(text, i ? "," : "");
		strcat(text, format_size(bench->left_out[i], one));
	}
	if (*text)
		printf("\nLeft out, as one of them takes more than 10 s: --sizes %s\n",
		       text);
	if (ret == EXIT_INTERRUPTED)
		printf("\nInterrupted.\n");
}

/* As RFC 4180 has it: ranges have commas */
static void csv_text(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	printf("\",");
}

static void csv_line(const struct bench *bench,
		     const struct bench_result *result, const char *way,
		     const struct measured *m)
{
	if (!m->iterations)
		return;
	csv_text(bench->job.from.spec);
	csv_text(bench->job.to.spec);
	csv_text(bench->job.engine.name);
	printf("%s,%" PRIu64 ",%u,%" PRIu64 ",%.0f,%" PRIu64 ",%.0f,%" PRIu64
	       ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%s\n", way,
	       result->size, result->depth, m->iterations, m->rate, m->min,
	       m->mean, m->p50, m->p90, m->p99, m->max,
	       m->verified ? "yes" : "no");
	fflush(stdout);
}

/* There is no such thing as the latency of both */
static void csv_both(const struct bench *bench, const struct bench_result *result)
{
	if (!result->back.iterations)
		return;
	csv_text(bench->job.from.spec);
	csv_text(bench->job.to.spec);
	csv_text(bench->job.engine.name);
	printf("both,%" PRIu64 ",%u,%" PRIu64 ",%.0f,,,,,,,no\n", result->size,
	       result->depth, result->direct.iterations + result->back.iterations,
	       result->both);
	fflush(stdout);
}

static void json_end(struct json_object *obj, const char *name,
		     const struct bench *bench, const struct end *end)
{
	struct json_object *sub = json_new_object();
	char text[ACCESS_TEXT];

	json_text(sub, "spec", end->spec);
	json_number(sub, "size", end->size);
	if (has_route(bench, end) &&
	    access_route_id(end->buffer.fd, bench->job.engine.pci, text))
		json_text(sub, "route", text);
	else
		json_null(sub, "route");
	json_member(obj, name, sub);
}

static void json_measured(struct json_object *obj, const char *name,
			  const struct measured *m)
{
	struct json_object *sub, *latency;

	if (!m->iterations) {
		json_null(obj, name);
		return;
	}
	sub = json_new_object();
	json_number(sub, "iterations", m->iterations);
	json_real(sub, "bytes_per_second", m->rate);
	latency = json_new_object();
	json_number(latency, "min", m->min);
	json_real(latency, "mean", m->mean);
	json_number(latency, "p50", m->p50);
	json_number(latency, "p90", m->p90);
	json_number(latency, "p99", m->p99);
	json_number(latency, "max", m->max);
	json_member(sub, "latency_ns", latency);
	json_flag(sub, "verified", m->verified);
	json_member(obj, name, sub);
}

static struct json_object *json_results(const struct bench *bench)
{
	struct json_object *array = json_new_array();
	size_t i;

	for (i = 0; i < bench->nr_results; i++) {
		const struct bench_result *result = &bench->result[i];
		struct json_object *obj = json_new_object();

		json_number(obj, "size", result->size);
		json_number(obj, "depth", result->depth);
		json_measured(obj, "direct", &result->direct);
		json_measured(obj, "bounce", &result->bounce);
		if (result->bounce.iterations)
			json_real(obj, "ratio", ratio(result));
		else
			json_null(obj, "ratio");
		json_measured(obj, "back", &result->back);
		if (result->back.iterations)
			json_real(obj, "both_bytes_per_second", result->both);
		else
			json_null(obj, "both_bytes_per_second");
		json_append(array, obj);
	}
	return array;
}

static void end_json(const struct bench *bench, int ret)
{
	struct json_object *obj = json_new_object(), *sub = json_new_object();
	struct json_object *left_out = json_new_array();
	size_t i;

	json_end(obj, "from", bench, &bench->job.from);
	json_end(obj, "to", bench, &bench->job.to);
	json_text(sub, "name", bench->job.engine.name);
	if (bench->job.engine.pci[0])
		json_text(sub, "pci", bench->job.engine.pci);
	else
		json_null(sub, "pci");
	if (bench->job.engine.emulator)
		json_text(sub, "emulated_by", bench->job.engine.emulator);
	else
		json_null(sub, "emulated_by");
	json_member(obj, "engine", sub);
	if (job_has_seed(&bench->job))
		json_number(obj, "seed", bench->job.seed);
	else
		json_null(obj, "seed");
	json_text(obj, "status", !ret ? "complete" :
				 ret == EXIT_INTERRUPTED ? "interrupted" :
							   "failed");
	json_member(obj, "results", json_results(bench));
	for (i = 0; i < bench->nr_left_out; i++)
		json_append(left_out,
			    json_object_new_uint64(bench->left_out[i]));
	json_member(obj, "left_out", left_out);
	json_print(obj, "bench");
}

void bench_report_begin(const struct bench *bench)
{
	if (bench->format == BENCH_TEXT)
		begin_text(bench);
	if (bench->format == BENCH_CSV)
		puts("from,to,engine,way,size,depth,iterations,bytes_per_second,min_ns,mean_ns,p50_ns,p90_ns,p99_ns,max_ns,verified");
	fflush(stdout);
}

void bench_report_size(const struct bench *bench)
{
	const struct bench_result *result =
		&bench->result[bench->nr_results - 1];

	if (bench->format == BENCH_TEXT)
		size_text(bench, result);
	if (bench->format == BENCH_CSV) {
		csv_line(bench, result, "direct", &result->direct);
		csv_line(bench, result, "bounce", &result->bounce);
		csv_line(bench, result, "back", &result->back);
		csv_both(bench, result);
	}
}

void bench_report_end(const struct bench *bench, int ret)
{
	if (bench->format == BENCH_TEXT)
		end_text(bench, ret);
	if (bench->format == BENCH_JSON)
		end_json(bench, ret);
}

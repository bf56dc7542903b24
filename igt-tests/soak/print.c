// SPDX-License-Identifier: MIT
/*
 * What has happened so far
 */
#include <inttypes.h>
#include <string.h>

#include "sample.h"
#include "run.h"

void soak_print_minute(uint64_t ms)
{
	struct soak_sample now;
	unsigned int i, call;

	soak_sample(&now, ms);
	printf("%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, ms / 3600000, ms / 60000 % 60,
	       ms / 1000 % 60);
	for (i = 0; i < soak_shared->nr; i++) {
		struct soak_worker *worker = &soak_shared->worker[i];

		printf(" | %s", worker->kind->name);
		for (call = 0; worker->kind->calls[call].name; call++) {
			printf(" %s %" PRIu64, worker->kind->calls[call].name,
			       worker->came[call][0] - worker->printed[call]);
			worker->printed[call] = worker->came[call][0];
		}
	}
	for (i = 0; i < SOAK_NR_VALUES; i++)
		if (now.value[i] != UINT64_MAX)
			printf("%s%" PRIu64 "%s%s %s", i ? ", " : " | ", now.value[i],
			       soak_values[i].unit[0] ? " " : "", soak_values[i].unit,
			       soak_values[i].name);
	printf("\n");
	fflush(stdout);
}

void soak_log_units(FILE *log)
{
	unsigned int i;

	fprintf(log, "{\"units\": {");
	for (i = 0; i < SOAK_NR_VALUES; i++)
		fprintf(log, "%s\"%s\": \"%s\"", i ? ", " : "", soak_values[i].name,
			soak_values[i].unit);
	fprintf(log, "}}\n");
}

void soak_log_calls(FILE *log, uint64_t ms)
{
	unsigned int i, call, error;

	fprintf(log, "{\"ms\": %" PRIu64 ", \"calls\": [", ms);
	for (i = 0; i < soak_shared->nr; i++) {
		const struct soak_worker *worker = &soak_shared->worker[i];

		for (call = 0; worker->kind->calls[call].name; call++) {
			fprintf(log, "%s{\"worker\": \"%s\", \"call\": \"%s\", \"injected\": %" PRIu64
				", \"came\": {\"0\": %" PRIu64,
				i || call ? ", " : "", worker->kind->name,
				worker->kind->calls[call].name,
				worker->injected[call], worker->came[call][0]);
			for (error = 1; error < SOAK_ERRNOS; error++)
				if (worker->came[call][error])
					fprintf(log, ", \"%s\": %" PRIu64,
						strerrorname_np((int)error),
						worker->came[call][error]);
			fprintf(log, "}}");
		}
	}
	fprintf(log, "]}\n");
	fflush(log);
}

// SPDX-License-Identifier: GPL-2.0
#include <signal.h>
#include <stddef.h>

#include "interrupt.h"

static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
#define NR_SIGNALS (sizeof(signals) / sizeof(signals[0]))

static struct sigaction before[NR_SIGNALS];
static volatile sig_atomic_t noted;

static void on_signal(int sig)
{
	size_t i;

	(void)sig;
	noted = 1;
	for (i = 0; i < NR_SIGNALS; i++)
		sigaction(signals[i], &before[i], NULL);
}

void interrupt_catch(void)
{
	const struct sigaction action = { .sa_handler = on_signal };
	size_t i;

	for (i = 0; i < NR_SIGNALS; i++)
		sigaction(signals[i], NULL, &before[i]);
	/* What nohup has made us ignore stays ignored */
	for (i = 0; i < NR_SIGNALS; i++)
		if (before[i].sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
}

bool interrupted(void)
{
	return noted;
}

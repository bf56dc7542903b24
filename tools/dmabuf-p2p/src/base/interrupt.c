// SPDX-License-Identifier: GPL-2.0
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <unistd.h>

#include "array.h"
#include "interrupt.h"

static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
#define NR_SIGNALS ARRAY_SIZE(signals)

static struct sigaction before[NR_SIGNALS];
static volatile sig_atomic_t noted;

static void on_signal(int sig)
{
	size_t i;

	noted = sig;
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

int interrupted(void)
{
	return noted;
}

void interrupt_die(int sig)
{
	const struct rlimit none = { 0, 0 };
	sigset_t set;

	setrlimit(RLIMIT_CORE, &none);
	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	raise(sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	/* The first process of a namespace is not killed by itself */
	_exit(128 + sig);
}

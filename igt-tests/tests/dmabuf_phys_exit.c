// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys exit
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: VFIO
 * Functionality: lifetime
 * Description: A program that ends with everything open, and gives its device back to the
 *	driver that had it, as the tests do: it waits for nobody, itself included
 * Test category: functionality test
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "igt_core.h"
#include "iommufd.h"
#include "klog.h"
#include "ranges.h"
#include "pci.h"
#include "sysfs.h"
#include "vfio.h"

#define BAR 2
#define SIZE KiB(64)
/* Set in the program that ends: where it says how far it is */
#define READY "DMABUF_PHYS_EXIT_READY"

/* Without it, an end that waits for itself lasts as long as the machine is up */
#define PATIENCE_S 60

enum end { FAILS, CRASHES, IS_TOLD };

static const struct end_kind {
	const char *name;
	int sig;
} ends[] = {
	[FAILS] = { "fails", 0 },
	[CRASHES] = { "crashes", SIGSEGV },
	[IS_TOLD] = { "terminated", SIGTERM },
};

/* What all tests do, and nothing that undoes it */
static void live(enum end end, int ready)
{
	int iommufd = iommufd_open(), fd;
	uint32_t ioas = ioas_alloc(iommufd);
	struct vfio_device dev;

	vfio_open(&dev, pci_env("DMABUF_EXPORTER"), iommufd);
	vfio_attach(&dev, ioas);
	vfio_map_bar(&dev, BAR);
	fd = vfio_dmabuf_one(&dev, BAR, 0, SIZE);
	ioas_map_file(iommufd, ioas, fd, 0, SIZE, GiB(4));
	if (mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED)
		_exit(1);
	if (write(ready, "", 1) != 1)
		_exit(1);
	igt_assert(end != FAILS);
	if (end == CRASHES)
		raise(SIGSEGV);
	for (;;)
		pause();
}

static void driver_of(const char *addr, char *name, size_t size)
{
	int ret = __pci_driver(addr, name, size);

	igt_assert(!ret || ret == -ENOENT);
	if (ret)
		name[0] = 0;
}

/* This program once more, which is on its own: its results are no runner's */
static void __attribute__((noreturn)) run_again(enum end end, const char *ready)
{
	int null = open("/dev/null", O_WRONLY);

	setenv(READY, ready, 1);
	unsetenv("IGT_RUNNER_SOCKET_FD");
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execl("/proc/self/exe", "dmabuf_phys_exit", "--run-subtest",
	      ends[end].name, NULL);
	_exit(1);
}

static void run(enum end end)
{
	const char *addr = pci_env("DMABUF_EXPORTER");
	char before[64], after[64], byte, to[16];
	int ready[2], status = 0, i;
	pid_t pid, ended = 0;

	driver_of(addr, before, sizeof(before));
	igt_assert_eq(pipe(ready), 0);
	snprintf(to, sizeof(to), "%d", ready[1]);
	fflush(NULL);
	pid = fork();
	igt_assert(pid >= 0);
	if (!pid)
		run_again(end, to);
	close(ready[1]);
	igt_assert_f(read(ready[0], &byte, 1) == 1, "it has not come that far\n");
	close(ready[0]);
	if (end == IS_TOLD)
		kill(pid, ends[end].sig);
	for (i = 0; i < PATIENCE_S * 10 && !ended; i++) {
		usleep(100000);
		ended = waitpid(pid, &status, WNOHANG);
	}
	igt_assert_f(ended == pid, "it has not ended after %d s\n", PATIENCE_S);
	/* A crash ends a subtest of IGT's, and the program as a shell would say it */
	if (end == FAILS)
		igt_assert(WIFEXITED(status) &&
			   WEXITSTATUS(status) == IGT_EXIT_FAILURE);
	else if (WIFEXITED(status))
		igt_assert_eq(WEXITSTATUS(status), 128 + ends[end].sig);
	else
		igt_assert_eq(WTERMSIG(status), ends[end].sig);
	driver_of(addr, after, sizeof(after));
	igt_assert_f(!strcmp(before, after), "%s had driver '%s' and has '%s'\n", addr,
		     before, after);
}

static void run_or_live(enum end end)
{
	const char *ready = getenv(READY);

	if (ready)
		live(end, atoi(ready));
	else
		run(end);
}

int igt_main()
{
	igt_fixture() {
		pci_env("DMABUF_EXPORTER");
		klog_no_other_faults();
		close(iommufd_open());
	}

	/**
	 * SUBTEST: fails
	 * Description: An assertion of its own fails
	 */
	igt_subtest("fails")
		run_or_live(FAILS);

	/**
	 * SUBTEST: crashes
	 * Description: It dies of a fault of its own
	 */
	igt_subtest("crashes")
		run_or_live(CRASHES);

	/**
	 * SUBTEST: terminated
	 * Description: It is told to end, as a runner does when time is up
	 */
	igt_subtest("terminated")
		run_or_live(IS_TOLD);
}

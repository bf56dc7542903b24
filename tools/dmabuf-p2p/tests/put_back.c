// SPDX-License-Identifier: GPL-2.0
/*
 * What is put back, and what is not, on a bus that is made up: one device, of which
 * this program knows the files in sysfs
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "array.h"
#include "cleanup.h"
#include "devices/pci.h"
#include "taken.h"
#include "tap.h"
#include "verb.h"

#define ADDR "ffff:ff:1f.7"
#define BUS "/sys/bus/pci/"
#define DEVICE BUS "devices/" ADDR "/"

static struct bus {
	char driver[64];
	char override[64];
	const char *refuses;	/* a driver that does not take the device */
	const char *later;	/* somebody binds it to that, just before an unbind */
	const char *prober;	/* takes what has no driver and no driver_override */
	const char *taker;	/* takes what has no driver, whatever is said */
	unsigned int unbound;
} bus;

int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);
ssize_t __real_readlink(const char *path, char *buf, size_t size);
ssize_t __wrap_readlink(const char *path, char *buf, size_t size);
int __wrap___sysfs_read(const char *path, char *buf, size_t size);
int __wrap___sysfs_write(const char *path, const char *text);

int __wrap_access(const char *path, int mode)
{
	return strcmp(path, DEVICE "vendor") ? __real_access(path, mode) : 0;
}

ssize_t __wrap_readlink(const char *path, char *buf, size_t size)
{
	char target[128];

	if (strcmp(path, DEVICE "driver"))
		return __real_readlink(path, buf, size);
	errno = ENOENT;
	if (!bus.driver[0])
		return -1;
	snprintf(target, sizeof(target), "../drivers/%s", bus.driver);
	memcpy(buf, target, strlen(target));
	return (ssize_t)strlen(target);
}

int __wrap___sysfs_read(const char *path, char *buf, size_t size)
{
	if (strcmp(path, DEVICE "driver_override"))
		return -ENOENT;
	snprintf(buf, size, "%s", bus.override[0] ? bus.override : "(null)");
	return 0;
}

static void unbind(void)
{
	bus.driver[0] = 0;
	bus.unbound++;
	if (bus.prober && !bus.override[0])
		strcpy(bus.driver, bus.prober);
	if (bus.taker)
		strcpy(bus.driver, bus.taker);
}

int __wrap___sysfs_write(const char *path, const char *text)
{
	char driver[64] = "";

	if (!strcmp(path, DEVICE "driver_override")) {
		strcpy(bus.override, text[0] == '\n' ? "" : text);
		return 0;
	}
	if (strcmp(text, ADDR))
		return -EINVAL;
	if (!strcmp(path, BUS "drivers_probe")) {
		if (!bus.driver[0] && (!bus.refuses || strcmp(bus.refuses, bus.override)))
			strcpy(bus.driver, bus.override);
		return 0;
	}
	if (bus.later)
		strcpy(bus.driver, bus.later);
	if (!strcmp(path, DEVICE "driver/unbind")) {
		unbind();
		return 0;
	}
	/* As the kernel: only if it is that driver's */
	if (sscanf(path, BUS "drivers/%63[^/]/unbind", driver) != 1 ||
	    strcmp(driver, bus.driver))
		return -ENODEV;
	unbind();
	return 0;
}

/* Who has it open, or why that is not known */
static pid_t holder;

bool __wrap_vfio_has_driver(const char *addr);
pid_t __wrap_holder_of(const char *addr);

bool __wrap_vfio_has_driver(const char *addr)
{
	return !strcmp(addr, ADDR) && !strcmp(bus.driver, "vfio-pci");
}

pid_t __wrap_holder_of(const char *addr)
{
	(void)addr;
	return holder;
}

/* Notes are made in a folder of this test */
static char run[] = "/tmp/put_back.XXXXXX";

int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);

int __wrap_mkdir(const char *path, mode_t mode)
{
	return strcmp(path, TAKEN_FOLDER) ? __real_mkdir(path, mode) : 0;
}

int __wrap_open64(const char *path, int flags, ...)
{
	return __real_open64(strcmp(path, TAKEN_FOLDER) ? path : run, flags, 0600);
}

/* Nothing is noted by itself, and nothing executed */
void __wrap_taken_note(void);
int __wrap_execv(const char *path, char *const argv[]);

void __wrap_taken_note(void)
{
}

int __wrap_execv(const char *path, char *const argv[])
{
	(void)path;
	(void)argv;
	errno = ENOENT;
	return -1;
}

static void bus_is(const char *driver, const char *override)
{
	memset(&bus, 0, sizeof(bus));
	strcpy(bus.driver, driver);
	strcpy(bus.override, override);
}

static bool is(const char *driver, const char *override)
{
	return !strcmp(bus.driver, driver) && !strcmp(bus.override, override);
}

static const struct pci_saved was = { ADDR, "vfio-pci", "nvme", "" };

/* In a process of its own, which must not put back at exit what it has bound */
static int bind_errno(void)
{
	int how = 0, ret;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		ret = __pci_bind(ADDR, "vfio-pci");
		/* Who says that it is bound, but is wrong, has no errno */
		_exit(ret || is("vfio-pci", "vfio-pci") ? -ret : 255);
	}
	waitpid(pid, &how, 0);
	return WIFEXITED(how) ? WEXITSTATUS(how) : -1;
}

static void test_library(void)
{
	bus_is("vfio-pci", "vfio-pci");
	tap_ok(!__pci_put_back(&was) && is("nvme", ""), "it gets back its driver");
	bus_is("nvme", "nvme");
	tap_ok(!__pci_put_back(&was) && is("nvme", "") && !bus.unbound,
	       "it has that, and gets back its driver_override");
	bus_is("", "vfio-pci");
	tap_ok(!__pci_put_back(&was) && is("nvme", ""), "it had none any more");
	bus_is("other", "other");
	tap_ok(__pci_put_back(&was) == -EEXIST && is("other", "other") && !bus.unbound,
	       "it is not taken from a driver that somebody else has given it");
	bus_is("vfio-pci", "vfio-pci");
	bus.later = "other";
	tap_ok(__pci_put_back(&was) && is("other", "vfio-pci") && !bus.unbound,
	       "nor if that happens just now");
	bus_is("nvme", "");
	bus.prober = "other";
	tap_ok(bind_errno() == 0, "nobody gets between two drivers");
	bus_is("nvme", "");
	bus.taker = "other";
	tap_ok(bind_errno() == EBUSY,
	       "another driver is not the one that was asked for");
	bus_is("vfio-pci", "vfio-pci");
	bus.refuses = "nvme";
	tap_ok(__pci_put_back(&was) == -ENODEV && is("", ""),
	       "a driver that refuses it does not keep others away");
}

static int end(const char *status)
{
	char *args[] = { (char *)status, (char *)was.addr, (char *)was.bound,
			 (char *)was.driver, (char *)was.override, (char *)"0" };

	return cleanup_put_back(ARRAY_SIZE(args), args);
}

static void test_status(void)
{
	bus_is("vfio-pci", "vfio-pci");
	tap_ok(end("000") == EXIT_OK && end("003") == 3, "it is put back: status");
	bus_is("vfio-pci", "vfio-pci");
	bus.refuses = "nvme";
	tap_ok(end("000") == EXIT_FAILED && end("003") == 3,
	       "it is not put back: no success");
	bus_is("other", "other");
	tap_ok(end("000") == EXIT_OK && is("other", "other"),
	       "there is nothing to be put back any more");

	bus_is("vfio-pci", "vfio-pci");
	holder = getpid();
	tap_ok(end("000") == EXIT_FAILED && is("vfio-pci", "vfio-pci"),
	       "it is not taken from who has it open");
	holder = -EACCES;
	tap_ok(end("000") == EXIT_FAILED && is("vfio-pci", "vfio-pci"),
	       "nor if nobody can tell");
	holder = 0;
}

/* Of a process that was killed when the device had @driver and that driver_override */
static bool adopt(const char *driver, const char *override)
{
	struct taken note;
	pid_t pid;
	int how;

	fflush(NULL);
	pid = fork();
	if (!pid)
		_exit(taken_claim("", ADDR, "nvme", "", &note) ? 1 : 0);
	waitpid(pid, &how, 0);
	if (how)
		return false;
	bus_is(driver, override);
	taken_adopt(ADDR);
	return true;
}

static bool notes(void)
{
	ssize_t nr;

	free(taken_list("", &nr));
	return nr;
}

/* An export that takes over, takes the device and puts it back */
static void take_again(void)
{
	if (!adopt("nvme", "nvme") || !notes() ||
	    __pci_bind(ADDR, "vfio-pci") || __pci_put_back(pci_saved(0)))
		_exit(1);
	_exit(is("nvme", "") ? 0 : 2);
}

static void leave_alone(void)
{
	_exit(adopt("other", "") && !notes() && !pci_saved(0) ? 0 : 1);
}

/* In a process of its own, which must not put back at exit what it has taken over */
static int status_of(void (*fn)(void))
{
	char path[PATH_MAX];
	int how = -1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid)
		fn();
	waitpid(pid, &how, 0);
	snprintf(path, sizeof(path), "%s/" ADDR, run);
	unlink(path);
	return WIFEXITED(how) ? WEXITSTATUS(how) : -1;
}

static void test_adopt(void)
{
	char lock[PATH_MAX];

	if (!mkdtemp(run))
		exit(1);
	tap_ok(!status_of(take_again),
	       "what was left with its driver gets its driver_override, too");
	tap_ok(!status_of(leave_alone), "what has got another driver is forgotten");
	snprintf(lock, sizeof(lock), "%s/lock", run);
	unlink(lock);
	rmdir(run);
}

static int exit_with(int status)
{
	int how = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		__pci_saved_add(&was);
		exit(status);
	}
	waitpid(pid, &how, 0);
	return WEXITSTATUS(how);
}

int main(void)
{
	cleanup_taken(taken_note);
	test_library();
	test_status();
	test_adopt();
	tap_ok(exit_with(EXIT_OK) == EXIT_FAILED && exit_with(3) == 3,
	       "nor is it one if the program cannot be executed anew");
	return tap_end();
}

// SPDX-License-Identifier: GPL-2.0
/*
 * bind, with a device that is made up, and its rules for udev in a folder that stands
 * for /
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bind_rule.h"
#include "device_use.h"
#include "devices/pci.h"
#include "taken.h"
#include "tap.h"
#include "tree.h"
#include "verb.h"

#define ADDR "ffff:ff:1f.7"

extern const struct verb cmd_bind;

static enum device_use use;
static int bind_error;
static int keep_error;
static bool has_vfio;
static bool read_only;

/* What was done, in its order */
static char done[256];

static void note(const char *what)
{
	strncat(done, what, sizeof(done) - strlen(done) - 1);
}

bool __wrap_pci_exists(const char *addr);
bool __wrap_vfio_has_driver(const char *addr);
int __wrap___pci_driver(const char *addr, char *name, size_t size);
enum device_use __wrap_device_user(const char *folder, const char *addr, char *user,
				   size_t size);
int __wrap_take_check_driver(const char *addr);
int __wrap_taken_keep(const char *folder, const char *addr, const char *driver,
		      const char *override);
void __wrap_pci_forget_saved(void);
int __wrap_taken_lock(const char *folder, const char *addr);
void __wrap_taken_forget(const char *folder, const char *addr);
int __wrap___pci_bind(const char *addr, const char *driver);
int __wrap___pci_put_back(const struct pci_saved *was);
int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
bool __wrap_device_in_the_way(const char *folder, const char *addr, char *mates,
			      size_t size);

bool __wrap_pci_exists(const char *addr)
{
	return !strcmp(addr, ADDR);
}

bool __wrap_vfio_has_driver(const char *addr)
{
	(void)addr;
	return has_vfio;
}

int __wrap___pci_driver(const char *addr, char *name, size_t size)
{
	(void)addr;
	snprintf(name, size, "edu");
	return 0;
}

enum device_use __wrap_device_user(const char *folder, const char *addr, char *user,
				   size_t size)
{
	(void)folder;
	(void)addr;
	snprintf(user, size, "somebody");
	return use;
}

int __wrap_take_check_driver(const char *addr)
{
	(void)addr;
	return EXIT_OK;
}

int __wrap_taken_keep(const char *folder, const char *addr, const char *driver,
		      const char *override)
{
	(void)folder;
	(void)addr;
	(void)override;
	note("keep ");
	note(driver ? driver : "that");
	return keep_error;
}

/* Before anything is looked at: it may be about to change */
int __wrap_taken_lock(const char *folder, const char *addr)
{
	(void)folder;
	(void)addr;
	note("lock ");
	return -EACCES;
}

void __wrap_pci_forget_saved(void)
{
	note(" stays");
}

void __wrap_taken_forget(const char *folder, const char *addr)
{
	(void)folder;
	(void)addr;
	note(" forget");
}

int __wrap___pci_bind(const char *addr, const char *driver)
{
	sigset_t now;

	(void)addr;
	sigprocmask(SIG_BLOCK, NULL, &now);
	note(sigismember(&now, SIGINT) && sigismember(&now, SIGTERM) ? " bind " : " broken ");
	note(driver);
	return bind_error;
}

int __wrap___pci_put_back(const struct pci_saved *was)
{
	note(" back ");
	note(was->driver);
	return 0;
}

int __wrap_unlink(const char *path)
{
	errno = EROFS;
	return read_only ? -1 : __real_unlink(path);
}

static const char *mates = "";

bool __wrap_device_in_the_way(const char *folder, const char *addr, char *text,
			      size_t size)
{
	(void)folder;
	(void)addr;
	snprintf(text, size, "%s", mates);
	return *mates;
}

static int bind_it(const char *option)
{
	char *args[] = { (char *)"bind", (char *)option, (char *)ADDR, NULL };

	done[0] = 0;
	return cmd_bind.run(3, args);
}

static void test_bind(void)
{
	tap_ok(bind_it("-q") == EXIT_OK && !strcmp(done, "lock keep edu bind vfio-pci stays"),
	       "a device is bound, and what it had is noted first");
	printf("# ");
	fflush(stdout);
	tap_ok(bind_it("--dry-run") == EXIT_OK && !done[0], "--dry-run does nothing");
	use = DEVICE_USED;
	tap_ok(bind_it("-q") == EXIT_FAILED && !strcmp(done, "lock "), "a device that is in use");
	tap_ok(bind_it("-n") == EXIT_FAILED && !done[0], "--dry-run tells that");
	use = DEVICE_UNKNOWN;
	tap_ok(bind_it("-q") == EXIT_FAILED && !strcmp(done, "lock "), "or that may be");
	use = DEVICE_FREE;
	bind_error = -ENODEV;
	tap_ok(bind_it("-q") == EXIT_FAILED &&
		       !strcmp(done, "lock keep edu bind vfio-pci stays back edu forget"),
	       "what VFIO does not take has its driver again");
	bind_error = 0;
	mates = "0000:01:00.1 (edu)";
	tap_ok(bind_it("-q") == EXIT_MISMATCH && !strcmp(done, "lock keep edu bind vfio-pci stays"),
	       "it is said what else of its group is to be bound");
	mates = "";
	has_vfio = true;
	tap_ok(bind_it("-q") == EXIT_OK && !strcmp(done, "lock keep that"),
	       "one that VFIO has: it may be what a killed program has left");
	keep_error = -EBUSY;
	tap_ok(bind_it("-q") == EXIT_FAILED,
	       "a program will give it back: that it is bound would be wrong soon");
	has_vfio = false;
	tap_ok(bind_it("-q") == EXIT_FAILED && !strcmp(done, "lock keep edu"),
	       "a program is about to take it");
	keep_error = 0;
}

/* A rule takes a while to be written, and what is written lets signals in */
static void test_held(void)
{
	sigset_t set, now;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	file("/sys/bus/pci/devices/0000:03:00.0/vendor", "0x10de\n");
	file("/sys/bus/pci/devices/0000:03:00.0/device", "0x2684\n");
	file("/etc/udev/rules.d/x", "");
	bind_rule_write(root, "0000:03:00.0");
	sigprocmask(SIG_BLOCK, NULL, &now);
	tap_ok(bind_rule_exists(root, "0000:03:00.0") && sigismember(&now, SIGINT) &&
		       !sigismember(&now, SIGTERM),
	       "signals that were blocked before a rule is written stay so");
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	bind_rule_remove(root, "0000:03:00.0");
}

static void count(const char *addr, void *arg)
{
	*(int *)arg += !strcmp(addr, "0000:01:00.0") ? 1 : 100;
}

static bool rule_has(const char *text)
{
	char *path = bind_rule_path(root, "0000:01:00.0"), rule[4096];
	FILE *f = fopen(path, "r");
	size_t length = f ? fread(rule, 1, sizeof(rule) - 1, f) : 0;

	if (f)
		fclose(f);
	free(path);
	rule[length] = 0;
	return strstr(rule, text);
}

static void test_rules(void)
{
	struct stat st;
	char *path;
	int nr = 0;

	tap_ok(bind_rule_write(root, "0000:01:00.0") == -ENODEV, "no such device");
	file("/sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n");
	file("/sys/bus/pci/devices/0000:01:00.0/device", "0x2684\n");
	tap_ok(bind_rule_write(root, "0000:01:00.0") == -ENOENT &&
		       !bind_rule_remove(root, "0000:01:00.0"), "no udev");
	file("/etc/udev/rules.d/60-dmabuf-p2p-x.rules", "");
	file("/etc/udev/rules.d/60-dmabuf-p2p-.rules", "");
	file("/etc/udev/rules.d/60-dmabuf-p2p-0000:02:00.0.rules.dpkg-old", "");
	file("/etc/udev/rules.d/70-persistent-net.rules", "");
	bind_rule_each(root, count, &nr);
	tap_ok(!nr && !bind_rule_exists(root, "0000:01:00.0"), "rules of others");
	tap_ok(!bind_rule_write(root, "0000:01:00.0") &&
		       !bind_rule_write(root, "0000:01:00.0") &&
		       bind_rule_exists(root, "0000:01:00.0"),
	       "a rule is written, and written again");
	bind_rule_each(root, count, &nr);
	tap_ok(nr == 1, "and found");
	tap_ok(rule_has("\nACTION==\"add\", SUBSYSTEM==\"pci\", KERNEL==\"0000:01:00.0\", "
			"ATTR{vendor}==\"0x10de\", ATTR{device}==\"0x2684\", "
			"ATTR{driver_override}=\"vfio-pci\", ") &&
		       rule_has("bind --quiet 0000:01:00.0\"\n"),
	       "it is about this kind of device");
	if (stat("/proc/self/exe", &st) || chmod("/proc/self/exe", st.st_mode | 02) ||
	    bind_rule_write(root, "0000:01:00.0"))
		tap_ok(false, "the test itself can be changed");
	tap_ok(rule_has("RUN+=\"/usr/bin/dmabuf-p2p bind "),
	       "root does not run what others may write to");
	chmod("/proc/self/exe", st.st_mode & 0777);
	path = bind_rule_path(root, "0000:01:00.0");
	tap_ok(!bind_rule_remove(root, "0000:01:00.0") && !symlink("/dev/null", path) &&
		       bind_rule_write(root, "0000:01:00.0") == -EEXIST,
	       "one that root has switched off is not written to /dev/null");
	tap_ok(!unlink(path) && !bind_rule_write(root, "0000:01:00.0"), "without that it is");
	free(path);
	read_only = true;
	tap_ok(bind_rule_remove(root, "0000:01:00.0") == -EROFS &&
		       !bind_rule_remove(root, "0000:02:00.0"),
	       "/etc cannot be written to: an error only if there is one");
	read_only = false;
	tap_ok(!bind_rule_remove(root, "0000:01:00.0") &&
		       !bind_rule_exists(root, "0000:01:00.0"), "it is removed");
}

int main(void)
{
	test_bind();
	tree_begin();
	test_rules();
	test_held();
	tree_end();
	return tap_end();
}

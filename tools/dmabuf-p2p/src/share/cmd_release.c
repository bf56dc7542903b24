// SPDX-License-Identifier: GPL-2.0
/*
 * release: give devices back that were bound, or that a killed program has left
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bind_rule.h"
#include "device.h"
#include "devices/pci.h"
#include "devices/sysfs.h"
#include "devices/vfio.h"
#include "holder.h"
#include "message.h"
#include "procfs.h"
#include "taken.h"
#include "verb.h"

enum release_option {
	OPTION_ALL = 'a',
	OPTION_DRY_RUN = 'n',
};

struct args {
	bool all;
	bool dry_run;
	char **names;
	size_t nr_names;
};

static const struct argp_option options[] = {
	{ "all", OPTION_ALL, NULL, 0, "Those of 'dmabuf-p2p bind' as well" },
	{ "dry-run", OPTION_DRY_RUN, NULL, 0, "Only tell what would be done" },
	{ 0 }
};

static const char doc[] =
	"Give PCI devices back to the drivers that 'dmabuf-p2p bind' took them from, or 'export', 'copy' or 'bench' "
	"when these could not do so themselves: they were killed by SIGKILL (or signal 32 or 33), or the driver "
	"refused. Each DEVICE named, or all that were left behind. What a running program has is left alone."
	"\v"
	"What 'dmabuf-p2p bind --persist' has written is removed. A DEVICE that is bound to vfio-pci and was not left behind may be named as well: it gets "
	"the driver that the kernel finds for it. What this does, for a device of which nothing "
	"is known, is the same as root doing, in /sys/bus/pci:\n\n"
	"  echo > devices/ADDRESS/driver_override\n"
	"  echo ADDRESS > drivers/vfio-pci/unbind\n"
	"  echo ADDRESS > drivers_probe\n\n"
	"Exit status: 0 done, or there is nothing to do; 1 the system refused something, or a "
	"program has the device, or may have it; 2 bad usage.\n\n"
	"EXAMPLES\n\n"
	"  dmabuf-p2p release\n"
	"  dmabuf-p2p release 01:00.0\n"
	"  dmabuf-p2p release --all --dry-run\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	(void)arg;
	switch (key) {
	case OPTION_ALL:
		args->all = true;
		return 0;
	case OPTION_DRY_RUN:
		args->dry_run = true;
		return 0;
	case ARGP_KEY_ARGS:
		args->names = state->argv + state->next;
		args->nr_names = (size_t)(state->argc - state->next);
		return 0;
	case ARGP_KEY_SUCCESS:
		if (args->all && args->nr_names)
			argp_error(state, "--all, or each DEVICE named");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* Taking it from a driver of VFIO's waits until nobody has it open, perhaps forever */
static int check_holder(const char *addr)
{
	pid_t pid = holder_of(addr);
	char comm[PROCFS_COMM];

	if (!pid)
		return EXIT_OK;
	if (pid < 0) {
		complain(addr,
			 "run it " HOLDER_REMEDY ", or make sure yourself and do it by hand, see --help",
			 "nobody can tell whether a program has it open: %s",
			 strerror(-pid));
		return EXIT_FAILED;
	}
	procfs_comm(pid, comm);
	complain(addr, "end that program", "process %d, %s, has it open", pid,
		 comm);
	return EXIT_FAILED;
}

static int complain_failed(const char *addr, int err)
{
	complain(addr, err == EACCES || err == EPERM ?
			       as_root("run it as root") :
			       "see dmesg for the driver's reason",
		 "cannot give it back: %s", strerror(err));
	return EXIT_FAILED;
}

static int tell(const char *addr)
{
	char driver[64] = "";

	__pci_driver(addr, driver, sizeof(driver));
	printf("%s: %s%s\n", addr, driver[0] ? "back to " : "no driver",
	       driver);
	return EXIT_OK;
}

static void tell_elsewhere(const char *addr)
{
	char driver[64] = "?";

	__pci_driver(addr, driver, sizeof(driver));
	printf("%s: somebody has bound it to %s: it stays there\n", addr, driver);
}

static int would(const char *addr, const char *driver)
{
	printf("%s: would go back to %s\n", addr, driver[0] ? driver : "no driver");
	return EXIT_OK;
}

static int put_back_locked(const struct args *args, const struct taken *note)
{
	struct taken was = *note;
	struct pci_saved saved;
	int ret;

	if (args->dry_run)
		return would(note->addr, note->driver);
	/* A run of the program may take over just now, but nothing of 'bind' */
	ret = note->pid ? taken_claim("", note->addr, NULL, NULL, &was) : 1;
	if (ret == -EBUSY || !ret)
		return EXIT_OK;
	if (ret < 0)
		return complain_failed(note->addr, -ret);
	if (pci_exists(was.addr)) {
		ret = check_holder(was.addr);
		if (ret)
			return ret;
		taken_saved(&was, &saved);
		ret = __pci_put_back(&saved);
		if (ret && ret != -EEXIST)
			return complain_failed(was.addr, -ret);
		if (ret)
			tell_elsewhere(was.addr);
		else
			tell(was.addr);
	}
	taken_forget("", was.addr);
	return EXIT_OK;
}

static int put_back(const struct args *args, const struct taken *note)
{
	const int lock = args->dry_run ? -1 : taken_lock("", note->addr);
	int ret = put_back_locked(args, note);

	if (lock >= 0)
		close(lock);
	return ret;
}

/* Nothing is known of it: the kernel may choose */
static int reprobe_locked(const struct args *args, const char *addr)
{
	char driver[64] = "", path[128];
	int ret;

	__pci_driver(addr, driver, sizeof(driver));
	if (!vfio_has_driver(addr)) {
		printf("%s: nothing to do, %s%s\n", addr,
		       driver[0] ? "its driver is " : "it has no driver",
		       driver);
		return EXIT_OK;
	}
	if (args->dry_run)
		return would(addr, "the driver that the kernel finds for it");
	ret = check_holder(addr);
	if (ret)
		return ret;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override",
		 addr);
	ret = __sysfs_write(path, "\n");
	if (!ret)
		ret = __pci_unbind_from(addr, driver);
	if (!ret)
		ret = __sysfs_write("/sys/bus/pci/drivers_probe", addr);
	return ret ? complain_failed(addr, -ret) : tell(addr);
}

static int reprobe(const struct args *args, const char *addr)
{
	const int lock = args->dry_run ? -1 : taken_lock("", addr);
	int ret = reprobe_locked(args, addr);

	if (lock >= 0)
		close(lock);
	return ret;
}

/* First, so that a reboot ends what cannot be ended now */
static int forget_rule(const struct args *args, const char *addr)
{
	char *path;
	int ret;

	if (args->dry_run) {
		if (bind_rule_exists("", addr))
			printf("%s: would not be bound at boot any more\n", addr);
		return EXIT_OK;
	}
	ret = bind_rule_remove("", addr);
	if (!ret)
		return EXIT_OK;
	path = bind_rule_path("", addr);
	complain(path, ret == -EACCES || ret == -EPERM ?
			       as_root("run it as root") : NULL,
		 "cannot remove it, so %s will be bound again at boot: %s", addr,
		 strerror(-ret));
	free(path);
	return EXIT_FAILED;
}

static int release_one(const struct args *args, const char *addr,
		       const struct taken *list, ssize_t nr)
{
	ssize_t i;

	for (i = 0; i < nr; i++) {
		if (strcmp(list[i].addr, addr))
			continue;
		if (!list[i].alive || !list[i].pid)
			return put_back(args, &list[i]);
		complain(addr, "end that program",
			 "process %d of this program has it, and puts it back itself",
			 list[i].pid);
		return EXIT_FAILED;
	}
	return reprobe(args, addr);
}

static int release_named(const struct args *args, const char *name,
			 const struct taken *list, ssize_t nr)
{
	char addr[DEVICE_ADDR];
	int ret, one;

	/* A device that is gone may have a rule */
	if (device_parse(addr, name) && !pci_exists(addr) && bind_rule_exists("", addr)) {
		ret = forget_rule(args, addr);
		if (!ret && !args->dry_run)
			printf("%s: not bound at boot any more; there is no such device now\n",
			       addr);
		return ret;
	}
	ret = device_find(addr, name);
	if (ret)
		return ret;
	ret = forget_rule(args, addr);
	one = release_one(args, addr, list, nr);
	return ret ? ret : one;
}

struct rules {
	const struct args *args;
	int ret;
};

static void forget_one(const char *addr, void *arg)
{
	struct rules *rules = arg;
	int ret = forget_rule(rules->args, addr);

	rules->ret = rules->ret ? rules->ret : ret;
}

static int release_all(const struct args *args, const struct taken *list,
		       ssize_t nr)
{
	struct rules rules = { .args = args };

	int ret, one;
	bool any = false;
	ssize_t i;

	if (args->all)
		bind_rule_each("", forget_one, &rules);
	ret = rules.ret;
	for (i = 0; i < nr; i++) {
		if (list[i].alive && (list[i].pid || !args->all))
			continue;
		any = true;
		one = put_back(args, &list[i]);
		ret = ret ? ret : one;
	}
	if (!any)
		puts(args->all ? "nothing was bound or left behind" :
				 "nothing was left behind");
	return ret;
}

static int run(int argc, char **argv)
{
	static const struct argp argp = { options, parse, "[DEVICE...]", doc };
	struct args args = { 0 };
	struct taken *list;
	int ret = EXIT_OK, one;
	ssize_t nr;
	size_t i;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &args);
	list = taken_list("", &nr);
	if (nr < 0) {
		complain(TAKEN_FOLDER,
			 nr == -EPERM ? "look who made it, and remove it" : NULL,
			 "cannot read what was left behind: %s",
			 nr == -EPERM ? "others may write to it" :
					strerror((int)-nr));
		return EXIT_FAILED;
	}
	if (!args.nr_names)
		ret = release_all(&args, list, nr);
	for (i = 0; i < args.nr_names; i++) {
		one = release_named(&args, args.names[i], list, nr);
		ret = ret ? ret : one;
	}
	free(list);
	return ret;
}

const struct verb cmd_release = {
	"release", "give devices back that were bound, or left by a killed program", run
};

// SPDX-License-Identifier: GPL-2.0
/*
 * bind: give devices to VFIO, until they are released
 */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "bind_rule.h"
#include "device.h"
#include "devices/pci.h"
#include "devices/vfio.h"
#include "message.h"
#include "sysfs_file.h"
#include "take.h"
#include "taken.h"
#include "verb.h"

enum bind_option {
	OPTION_DRY_RUN = 'n',
	OPTION_PERSIST = 'p',
	OPTION_QUIET = 'q',
};

struct args {
	bool dry_run;
	bool persist;
	bool quiet;
	char **names;
	size_t nr_names;
};

static const struct argp_option options[] = {
	{ "persist", OPTION_PERSIST, NULL, 0,
	  "Bind them again whenever they appear, at each boot above all" },
	{ "dry-run", OPTION_DRY_RUN, NULL, 0, "Only tell what would be done" },
	{ "quiet", OPTION_QUIET, NULL, 0, "Only tell what goes wrong" },
	{ 0 }
};

static const char doc[] =
	"Bind PCI devices to vfio-pci, for programs that open them through VFIO: QEMU, "
	"'dmabuf-p2p export' of users, tests. They stay there until 'dmabuf-p2p release' gives "
	"them back to the drivers they have now, or until the next boot."
	"\v"
	"A device that is in use, or may be in use, is refused: see 'dmabuf-p2p export --help'. Of an "
	"IOMMU group all devices have to be bound, or have no driver: name them all.\n\n"
	"--persist writes a rule for udev, " BIND_RULES "/60-dmabuf-p2p-ADDRESS.rules, which "
	"holds for this kind of device at this address only. A driver that is in the initramfs has the "
	"device first; it is taken from it then, unless it is in use.\n\n"
	"Exit status: 0 done; 1 the system refused something, or a device is in use; 2 bad usage; 3 done, "
	"but VFIO cannot open a device because of others in its IOMMU group.\n\n"
	"EXAMPLES\n\n"
	"  dmabuf-p2p bind 01:00.0 01:00.1\n"
	"  dmabuf-p2p bind --persist nvme1\n"
	"  dmabuf-p2p bind --dry-run eth2\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	(void)arg;
	switch (key) {
	case OPTION_DRY_RUN:
		args->dry_run = true;
		return 0;
	case OPTION_PERSIST:
		args->persist = true;
		return 0;
	case OPTION_QUIET:
		args->quiet = true;
		return 0;
	case ARGP_KEY_ARGS:
		args->names = state->argv + state->next;
		args->nr_names = (size_t)(state->argc - state->next);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which DEVICE?");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static int complain_note(const char *addr, int err)
{
	if (err == EBUSY)
		complain(addr, "end that program first",
			 "a process of this program has it, and gives it back at its end");
	else
		complain(addr, err == EACCES || err == EPERM ?
			       as_root("run it as root") : NULL,
		 "cannot note in " TAKEN_FOLDER " what it is taken from: %s",
		 strerror(err));
	return EXIT_FAILED;
}

/* All or nothing: without vfio-pci it has what it had */
static int take(const char *addr, const char *driver)
{
	struct pci_saved was = { 0 };
	char override[64];
	int ret;

	sysfs_text(override, sizeof(override), "",
		   "/sys/bus/pci/devices/%s/driver_override", addr);
	if (!strcmp(override, "(null)"))
		override[0] = 0;
	ret = taken_keep("", addr, driver, override);
	if (ret)
		return complain_note(addr, -ret);
	ret = __pci_bind(addr, TAKEN_DRIVER);
	/* It stays so when this ends */
	pci_forget_saved();
	if (!ret)
		return EXIT_OK;
	snprintf(was.addr, sizeof(was.addr), "%s", addr);
	snprintf(was.bound, sizeof(was.bound), "%s", TAKEN_DRIVER);
	snprintf(was.driver, sizeof(was.driver), "%s", driver);
	snprintf(was.override, sizeof(was.override), "%s", override);
	__pci_put_back(&was);
	taken_forget("", addr);
	return take_refused(addr, ret);
}

static int persist(const char *addr)
{
	char *path = bind_rule_path("", addr);
	int ret = bind_rule_write("", addr);

	if (ret)
		complain(path, ret == -EACCES || ret == -EPERM ?
				       as_root("run it as root") :
			       ret == -ENOENT ? "is udev installed?" :
			       ret == -EEXIST ? "look who made it, and remove it" : NULL,
			 "cannot write it: %s", ret == -EEXIST ? "it is no plain file" :
							       strerror(-ret));
	free(path);
	return ret ? EXIT_FAILED : EXIT_OK;
}

/* What a killed program has left is nobody's to give back any more */
static int keep(const char *addr)
{
	int ret = taken_keep("", addr, NULL, NULL);

	return ret ? complain_note(addr, -ret) : EXIT_OK;
}

/* A device is bound, and has its rule, or neither; Ctrl-C comes before or after that */
static void hold_signals(int how)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < ARRAY_SIZE(ends); i++)
		sigaddset(&set, ends[i]);
	sigprocmask(how, &set, NULL);
}

static int change(const struct args *args, const char *addr, const char *driver,
		  bool had_it)
{
	const bool had_rule = bind_rule_exists("", addr);
	int ret = had_it ? keep(addr) : EXIT_OK;

	/* Which is easy to undo: who asks for both gets both or neither */
	if (!ret && args->persist)
		ret = persist(addr);
	if (ret || had_it)
		return ret;
	ret = take(addr, driver);
	if (ret && args->persist && !had_rule)
		bind_rule_remove("", addr);
	return ret;
}

static void tell(const struct args *args, const char *addr, const char *driver,
		 bool had_it)
{
	const char *boot = args->persist ? ", and at each boot" : "";

	if (args->quiet)
		return;
	if (had_it)
		printf("%s: %s has it already%s\n", addr, driver, boot);
	else
		printf("%s: %s " TAKEN_DRIVER " instead of %s%s\n", addr,
		       args->dry_run ? "would get" : "has",
		       driver[0] ? driver : "no driver", boot);
}

static int bind_locked(const struct args *args, const char *addr)
{
	char driver[64] = "";
	const bool had_it = vfio_has_driver(addr);
	int ret = EXIT_OK;

	__pci_driver(addr, driver, sizeof(driver));
	if (!had_it && driver[0])
		ret = take_check_use(addr, driver);
	if (!ret && !had_it)
		ret = take_check_driver(addr);
	if (!ret && !args->dry_run) {
		hold_signals(SIG_BLOCK);
		ret = change(args, addr, driver, had_it);
		hold_signals(SIG_UNBLOCK);
	}
	if (!ret)
		tell(args, addr, driver, had_it);
	return ret;
}

/* Who may not lock may not bind either, and is told so */
static int bind_one(const struct args *args, const char *addr)
{
	const int lock = args->dry_run ? -1 : taken_lock("", addr);
	int ret = bind_locked(args, addr);

	if (lock >= 0)
		close(lock);
	return ret;
}

static int check_group(const char *addr)
{
	char mates[TAKE_TEXT];

	if (!device_in_the_way("", addr, mates, sizeof(mates)))
		return EXIT_OK;
	take_in_the_way(addr, mates);
	return EXIT_MISMATCH;
}

static int bind_all(const struct args *args, char (*addr)[DEVICE_ADDR])
{
	int ret = EXIT_OK, one;
	size_t i;

	/* A device that there is not is told before one is taken */
	for (i = 0; i < args->nr_names; i++) {
		ret = device_find(addr[i], args->names[i]);
		if (ret)
			return ret;
	}
	for (i = 0; i < args->nr_names; i++) {
		one = bind_one(args, addr[i]);
		ret = ret ? ret : one;
	}
	for (i = 0; !ret && !args->dry_run && i < args->nr_names; i++)
		ret = check_group(addr[i]);
	return ret;
}

static int run(int argc, char **argv)
{
	static const struct argp argp = { options, parse, "DEVICE...", doc };
	char (*addr)[DEVICE_ADDR];
	struct args args = { 0 };
	int ret;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &args);
	addr = calloc(args.nr_names, sizeof(*addr));
	if (!addr) {
		complain(NULL, NULL, "out of memory");
		return EXIT_FAILED;
	}
	pci_before_change(NULL);
	ret = bind_all(&args, addr);
	free(addr);
	return ret;
}

const struct verb cmd_bind = {
	"bind", "give devices to VFIO, until they are released", run
};

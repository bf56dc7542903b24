// SPDX-License-Identifier: GPL-2.0
/*
 * /init of VMs whose kernel has the root's file system and its bus as modules
 *
 * Loads the modules that a list beside it has for the root's type, in that order, mounts
 * the root and becomes its init, as the kernel would do by itself: the parameters are its
 * own, root=, rootfstype=, rootflags=, rw and init=. Nothing else is in this initramfs, no
 * libc and no shell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* QEMU ends with a reset, and run says that the VM ended before the command did */
static void give_up(const char *what)
{
	fprintf(stderr, "initramfs: %s: %s\n", what, strerror(errno));
	sync();
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

static void load_modules(const char *type)
{
	char name[256];
	FILE *list;

	snprintf(name, sizeof(name), "/modules.%s", type);
	list = fopen(name, "r");
	if (!list)
		give_up(name);
	while (fscanf(list, "%255s", name) == 1) {
		int fd = open(name, O_RDONLY | O_CLOEXEC);

		if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST))
			give_up(name);
		close(fd);
	}
	fclose(list);
}

static void make_dir(const char *path)
{
	if (mkdir(path, 0755) && errno != EEXIST)
		give_up(path);
}

/* The kernel's parameters; in quotes, a value may have blanks */
static struct parameters {
	const char *root, *type, *flags, *init;
	unsigned long mode;
} given = { .type = "ext4", .init = "/sbin/init", .mode = MS_RDONLY };

static void read_parameter(char *word)
{
	char *value = strchr(word, '=');

	if (!value) {
		if (!strcmp(word, "rw"))
			given.mode = 0;
		return;
	}
	*value++ = 0;
	if (*value == '"')
		value++;
	if (!strcmp(word, "root"))
		given.root = value;
	else if (!strcmp(word, "rootfstype"))
		given.type = value;
	else if (!strcmp(word, "rootflags"))
		given.flags = value;
	else if (!strcmp(word, "init"))
		given.init = value;
}

static void read_parameters(void)
{
	static char line[8192];
	char *word = line, *at;
	int quoted = 0, fd;

	make_dir("/proc");
	if (mount("proc", "/proc", "proc", 0, NULL))
		give_up("/proc");
	fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, line, sizeof(line) - 1) < 0)
		give_up("/proc/cmdline");
	close(fd);
	umount("/proc");

	for (at = line; *at; at++) {
		quoted ^= *at == '"';
		if (*at != '"' && (quoted || !strchr(" \n", *at)))
			continue;
		if (*at == '"' && quoted)
			continue;
		*at = 0;
		read_parameter(word);
		word = at + 1;
	}
}

/* A disk is there when its driver has looked at it */
static void mount_root(void)
{
	int tries;

	for (tries = 0; tries < 600; tries++) {
		if (!mount(given.root, "/root", given.type, given.mode, given.flags))
			return;
		if (errno != ENOENT && errno != ENXIO)
			break;
		usleep(100000);
	}
	give_up(given.root);
}

int main(void)
{
	make_dir("/dev");
	make_dir("/root");
	if (mount("dev", "/dev", "devtmpfs", 0, NULL) && errno != EBUSY)
		give_up("/dev");
	read_parameters();
	if (!given.root) {
		errno = EINVAL;
		give_up("no parameter root=");
	}
	load_modules(given.type);
	mount_root();
	if (mount("/dev", "/root/dev", NULL, MS_MOVE, NULL))
		give_up("moving /dev to the root");
	if (chdir("/root") || mount(".", "/", NULL, MS_MOVE, NULL) ||
	    chroot(".") || chdir("/"))
		give_up("changing over to the root");
	execl(given.init, given.init, (char *)NULL);
	give_up(given.init);
}

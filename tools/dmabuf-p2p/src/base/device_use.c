// SPDX-License-Identifier: GPL-2.0
/*
 * Is a device free to be taken from its driver?
 *
 * Who takes a disk with a file system on it from its driver loses data, so what
 * cannot be told counts as used. There is no count of a device's users in sysfs;
 * these are looked at:
 *
 * - Disks: mounts, swap, RAIDs, volume groups and caches claim them for themselves,
 *   whole disks and partitions alike, and then nobody else may open the whole disk
 *   exclusively. Only a disk that has been opened so is free. With NVMe multipath
 *   the controller's own disks are hidden and have no files; what is in use are the
 *   heads, which belong to the subsystem.
 * - Files in /dev of everything below the device: no process may have them open or
 *   mapped, and nothing in the kernel that claims nothing for itself, see kernel_user.h.
 *   Who is in a container does not see all processes.
 * - Network interfaces: down, and no part of a bond, a bridge or the like. One that
 *   is in another network namespace is not seen from here, so that a network card
 *   without any counts as used. Those for RDMA over something else than Ethernet have
 *   none of their own, but those for InfiniBand get some from ib_ipoib.
 * - virtio devices of 9p and virtiofs, which have no file: whether their file system is
 *   mounted, here or in another namespace, is not to be seen.
 * - Virtual functions, which go with the driver of the physical one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "device_use.h"
#include "kernel_user.h"
#include "opener.h"
#include "procfs.h"
#include "sysfs_file.h"

#define DEVICES "/sys/bus/pci/devices"
#define SUBSYSTEMS "/sys/class/nvme-subsystem"

/* Files in /dev that one device can have: more than that and it is in use */
#define MAX_FILES 1024

/* How long disks take to come back, 10 ms each time */
#define WAIT_ROUNDS 1000

/**
 * struct look - what was found below a device
 * @root: folder that stands for /
 * @user: receives what uses it
 * @size: of @user
 * @files: device numbers of files in /dev
 * @nr_files: their number
 * @nr_disks: disks that nobody has claimed; with @count, that have files
 * @nr_hidden: paths to disks of NVMe subsystems
 * @nr_heads: such disks
 * @nr_links: network interfaces, and RDMA devices that need none
 * @count: only count disks: nothing is opened
 * @unknown: @user could not be looked at
 */
struct look {
	const char *root;
	char *user;
	size_t size;
	dev_t files[MAX_FILES];
	size_t nr_files;
	unsigned int nr_disks;
	unsigned int nr_hidden;
	unsigned int nr_heads;
	unsigned int nr_links;
	bool count;
	bool unknown;
};

/* For look_at(), to which nftw() gives nothing */
static struct look *look;

/* Return: true, as for something that is used */
static bool nobody_can_tell(const char *what, int err)
{
	snprintf(look->user, look->size, "%s: %s", what, strerror(err));
	look->unknown = true;
	return true;
}

static bool read_number(const char *folder, dev_t *number)
{
	unsigned int major, minor;
	char text[32];

	if (!sysfs_text(text, sizeof(text), "", "%s/dev", folder) ||
	    sscanf(text, "%u:%u", &major, &minor) != 2)
		return false;
	*number = makedev(major, minor);
	return true;
}

/* cciss!c0d0 is cciss/c0d0 there */
static void disk_path(char path[PATH_MAX], const char *name)
{
	snprintf(path, PATH_MAX, "%s/dev/%s", look->root, name);
	for (path += strlen(path) - strlen(name); *path; path++)
		if (*path == '!')
			*path = '/';
}

/* Return: 0 if nobody else has claimed it, or -errno */
static int try_disk(const char *name, dev_t number)
{
	char path[PATH_MAX];
	struct stat st;
	int fd, ret;

	disk_path(path, name);
	fd = open(path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = fstat(fd, &st) ? -errno :
	      S_ISBLK(st.st_mode) && st.st_rdev == number ? 0 : -ENODEV;
	close(fd);
	return ret;
}

static bool has_file(const char *name, dev_t number)
{
	char path[PATH_MAX];
	struct stat st;

	disk_path(path, name);
	return !stat(path, &st) && S_ISBLK(st.st_mode) && st.st_rdev == number;
}

static int look_at_disk(const char *folder, const char *name, dev_t number)
{
	char text[8], what[64];
	int ret;

	/* Those are claimed with the whole disk */
	if (sysfs_text(text, sizeof(text), "", "%s/partition", folder))
		return 0;
	if (sysfs_text(text, sizeof(text), "", "%s/hidden", folder) &&
	    text[0] == '1') {
		look->nr_hidden++;
		return 0;
	}
	if (look->count) {
		look->nr_disks += has_file(name, number);
		return 0;
	}
	ret = try_disk(name, number);
	snprintf(what, sizeof(what), "disk %s", name);
	if (!ret)
		look->nr_disks++;
	else if (ret == -EBUSY)
		snprintf(look->user, look->size, "%s", what);
	else
		nobody_can_tell(what, -ret);
	return ret != 0;
}

static int look_at_interface(const char *folder, const char *name)
{
	char flags[32], link[32], **names;
	bool used;
	size_t i;

	look->nr_links++;
	if (look->count)
		return 0;
	used = !sysfs_text(flags, sizeof(flags), "", "%s/flags", folder) ||
	       strtoul(flags, NULL, 16) & IFF_UP ||
	       sysfs_link(link, sizeof(link), "", "%s/master", folder);
	names = sysfs_list("", "%s", folder);
	for (i = 0; names[i]; i++)
		used |= !strncmp(names[i], "upper_", 6);
	sysfs_list_free(names);
	if (used)
		snprintf(look->user, look->size, "network interface %s", name);
	return used;
}

/*
 * With RDMA over Ethernet there is an interface as well, wherever it is. Amazon's EFA,
 * which is neither that nor InfiniBand, has none.
 */
static bool needs_no_interface(const char *folder)
{
	char **names = sysfs_list("", "%s/ports", folder), text[16];
	bool infiniband = false, known = names[0];
	size_t i;

	for (i = 0; names[i]; i++) {
		known &= sysfs_text(text, sizeof(text), "",
				    "%s/ports/%s/link_layer", folder,
				    names[i]) &&
			 strcmp(text, "Ethernet");
		infiniband |= !strcmp(text, "InfiniBand");
	}
	sysfs_list_free(names);
	return known && (!infiniband || sysfs_access(F_OK, look->root,
						     "/sys/module/ib_ipoib"));
}

static int look_at(const char *path, const struct stat *st, int type,
		   struct FTW *ftw)
{
	const char *name = path + ftw->base;
	char subsystem[32], driver[32];
	dev_t number;

	(void)st;
	/* Folders that may not be looked into, or have gone just now */
	if ((type == FTW_DNR || type == FTW_NS) && !look->count)
		return nobody_can_tell(name, errno);
	if (type != FTW_D ||
	    !sysfs_link(subsystem, sizeof(subsystem), "", "%s/subsystem", path))
		return 0;
	if (!strcmp(subsystem, "virtio") && !look->count &&
	    sysfs_link(driver, sizeof(driver), "", "%s/driver", path) &&
	    (!strcmp(driver, "9pnet_virtio") || !strcmp(driver, "virtiofs"))) {
		snprintf(look->user, look->size,
			 "file system of %s, which may be mounted", name);
		return 1;
	}
	if (!strcmp(subsystem, "infiniband") && needs_no_interface(path))
		look->nr_links++;
	if (!strcmp(subsystem, "net"))
		return look_at_interface(path, name);
	if (!read_number(path, &number)) {
		/* The file of a hidden disk has no number */
		if (strcmp(subsystem, "block"))
			return 0;
		number = 0;
	} else if (look->nr_files < MAX_FILES) {
		look->files[look->nr_files++] = number;
	} else {
		snprintf(look->user, look->size, "one of its many files in /dev");
		return 1;
	}
	return strcmp(subsystem, "block") ? 0 :
					    look_at_disk(path, name, number);
}

/* Return: whether something is used, or cannot be looked at */
static bool walk(const char *folder)
{
	char real[PATH_MAX];
	int ret = -1;

	if (realpath(folder, real))
		ret = nftw(real, look_at, 16, FTW_PHYS);
	if (ret < 0 && !look->count)
		return nobody_can_tell(folder + strlen(look->root), errno);
	return ret > 0;
}

/* The heads of an NVMe controller's disks, below the subsystems it is part of */
static bool walk_heads(const char *controller)
{
	char **names = sysfs_list(look->root, SUBSYSTEMS), path[PATH_MAX];
	unsigned int before = look->nr_disks;
	bool used = false;
	size_t i;

	for (i = 0; names[i] && !used; i++) {
		if (sysfs_access(F_OK, look->root, SUBSYSTEMS "/%s/%s",
				 names[i], controller))
			continue;
		snprintf(path, sizeof(path), "%s" SUBSYSTEMS "/%s", look->root,
			 names[i]);
		used = walk(path);
	}
	sysfs_list_free(names);
	look->nr_heads += look->nr_disks - before;
	return used;
}

static bool look_below(const char *addr)
{
	char path[PATH_MAX], **names;
	bool used;
	size_t i;

	snprintf(path, sizeof(path), "%s" DEVICES "/%s", look->root, addr);
	used = walk(path);
	names = sysfs_list(look->root, DEVICES "/%s/nvme", addr);
	for (i = 0; names[i] && !used; i++)
		used = walk_heads(names[i]);
	sysfs_list_free(names);
	if (used || !look->nr_hidden || look->nr_heads)
		return used;
	snprintf(look->user, look->size, "disk that is not to be found");
	return true;
}

static bool is_open(void)
{
	char path[PATH_MAX], target[64], comm[PROCFS_COMM], what[64];
	struct opener opener;
	ssize_t len;
	int ret;

	/* No files, nobody to be looked for */
	ret = look->nr_files ? opener_find(look->root, look->files,
					   look->nr_files, &opener) : 0;
	if (!ret)
		return false;
	procfs_comm(opener.pid, comm);
	if (ret < 0) {
		snprintf(what, sizeof(what), "process %d (%s)", opener.pid, comm);
		return nobody_can_tell(opener.pid ? what : "/proc", -ret);
	}
	if (opener.number < 0) {
		snprintf(look->user, look->size,
			 "one of its files in /dev, which process %d (%s) has mapped",
			 opener.pid, comm);
		return true;
	}
	snprintf(path, sizeof(path), "%s/proc/%d/fd/%d", look->root, opener.tid,
		 opener.number);
	len = readlink(path, target, sizeof(target) - 1);
	target[len < 0 ? 0 : len] = 0;
	snprintf(look->user, look->size, "%s, which process %d (%s) has open",
		 target, opener.pid, comm);
	return true;
}

/* Of the mounts that a process sees; no server is asked */
static bool mounts_blocks(const char *process)
{
	char path[PATH_MAX], *line = NULL;
	bool found = false;
	size_t size = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/proc/%s/mountstats", look->root, process);
	file = fopen(path, "re");
	while (file && !found && getline(&line, &size, file) > 0)
		found = strstr(line, ",pnfs=LAYOUT_BLOCK_VOLUME") ||
			strstr(line, ",pnfs=LAYOUT_SCSI");
	free(line);
	if (file)
		fclose(file);
	return found;
}

/*
 * The module counts mounts, in whatever namespaces; where it is built in, those of
 * other namespaces than these are not to be seen. Each may use any disk.
 */
static bool may_be_pnfs(void)
{
	char count[16];

	if (!look->nr_disks)
		return false;
	if (sysfs_text(count, sizeof(count), look->root,
		       "/sys/module/blocklayoutdriver/refcnt") ?
		    !atoi(count) : !mounts_blocks("1") && !mounts_blocks("self"))
		return false;
	snprintf(look->user, look->size,
		 "NFS writes to disks by itself (blocklayoutdriver), and does not tell to which");
	look->unknown = true;
	return true;
}

static bool is_open_in_kernel(void)
{
	char what[128];
	int ret;

	if (may_be_pnfs())
		return true;
	ret = look->nr_files ? kernel_user(look->root, look->files, look->nr_files,
					   what, sizeof(what)) : 0;
	if (ret < 0)
		return nobody_can_tell(what, -ret);
	if (ret)
		snprintf(look->user, look->size, "%s", what);
	return ret;
}

/* Not for what is there: for what is not */
static bool link_is_elsewhere(const char *addr)
{
	char class[16];

	if (look->nr_links ||
	    !sysfs_text(class, sizeof(class), look->root, DEVICES "/%s/class",
			addr) ||
	    strncmp(class, "0x02", 4))
		return false;
	snprintf(look->user, look->size,
		 "network interface, which is in another network namespace, or in none,");
	return true;
}

enum device_use device_user(const char *root, const char *addr, char *user,
			    size_t size)
{
	static struct look fresh;
	char number[16];

	memset(&fresh, 0, sizeof(fresh));
	fresh.root = root;
	fresh.user = user;
	fresh.size = size;
	look = &fresh;
	if (sysfs_text(number, sizeof(number), root,
		       DEVICES "/%s/sriov_numvfs", addr) && atoi(number) > 0) {
		snprintf(user, size, "set of %s virtual functions", number);
		return DEVICE_USED;
	}
	if (!look_below(addr) && !link_is_elsewhere(addr) &&
	    !is_open_in_kernel() && !is_open())
		return DEVICE_FREE;
	return look->unknown ? DEVICE_UNKNOWN : DEVICE_USED;
}

unsigned int device_disks(const char *root, const char *addr)
{
	static struct look fresh;
	char user[DEVICE_USER];

	memset(&fresh, 0, sizeof(fresh));
	fresh.root = root;
	fresh.user = user;
	fresh.size = sizeof(user);
	fresh.count = true;
	look = &fresh;
	look_below(addr);
	return fresh.nr_disks;
}

bool device_wait_disks(const char *addr, unsigned int wanted)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	unsigned int i;

	for (i = 0; device_disks("", addr) < wanted; i++) {
		if (i == WAIT_ROUNDS)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

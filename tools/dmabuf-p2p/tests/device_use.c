// SPDX-License-Identifier: GPL-2.0
/*
 * When a device counts as used, on machines that are folders
 *
 * What is in their /dev cannot be block devices, so open() and fstat() of these
 * files are made up here. Meson has asked for files of 64 bits, hence their names.
 * In their /proc are a process 1 that has nothing, if need be this one, and one that
 * may not be looked at.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "device.h"
#include "device_use.h"
#include "tap.h"
#include "tree.h"

#define ADDR "0000:04:00.0"
#define BUS "/sys/bus/pci/devices/" ADDR
#define HERE "/sys/devices/pci0000:00/" ADDR
#define SUBSYSTEM "/sys/devices/virtual/nvme-subsystem/nvme-subsys0"

static char user[DEVICE_USER];

/* The one disk file: what open() says, and its number */
static const char *disk_file;
static int disk_error;
static dev_t disk_number;
static int disk_fd = -1;

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __real_fstat64(int fd, struct stat *st);
int __wrap_fstat64(int fd, struct stat *st);

int __wrap_open64(const char *path, int flags, ...)
{
	size_t length = strlen(root);

	if (strncmp(path, root, length) || strncmp(path + length, "/dev/", 5))
		return __real_open64(path, flags, 0600);
	errno = ENOENT;
	if (!disk_file || strcmp(path + length + 5, disk_file))
		return -1;
	errno = disk_error;
	/* Who does not claim it gets it at any time */
	if (disk_error && (disk_error != EBUSY || flags & O_EXCL))
		return -1;
	disk_fd = __real_open64("/dev/null", O_RDONLY | O_CLOEXEC);
	return disk_fd;
}

int __wrap_fstat64(int fd, struct stat *st)
{
	int ret = __real_fstat64(fd, st);

	if (fd >= 0 && fd == disk_fd) {
		st->st_mode = S_IFBLK;
		st->st_rdev = disk_number;
		disk_fd = -1;
	}
	return ret;
}

/* The number of no process that there is */
#define STRANGER "4194305"

ssize_t __real_readlink(const char *path, char *buf, size_t size);
ssize_t __wrap_readlink(const char *path, char *buf, size_t size);
int __real_stat64(const char *path, struct stat *st);
int __wrap_stat64(const char *path, struct stat *st);
int __real_statx(int dir, const char *path, int flags, unsigned int mask,
		 struct statx *st);
int __wrap_statx(int dir, const char *path, int flags, unsigned int mask,
		 struct statx *st);

ssize_t __wrap_readlink(const char *path, char *buf, size_t size)
{
	errno = EACCES;
	if (strstr(path, "/proc/" STRANGER "/fd/"))
		return -1;
	return __real_readlink(path, buf, size);
}

/*
 * Questions about files of processes that their file system's server would get; by
 * another process, which looks
 */
static unsigned int *asked;

/* What this process has mapped is a file of the device; or it may not be looked at */
static bool mapped;
static int map_error;

int __wrap_stat64(const char *path, struct stat *st)
{
	*asked += strstr(path, "/fd/") != NULL;
	return __real_stat64(path, st);
}

int __wrap_statx(int dir, const char *path, int flags, unsigned int mask,
		 struct statx *st)
{
	*asked += strstr(path, "/proc/") && !(flags & AT_STATX_DONT_SYNC);
	if (!strstr(path, "/map_files/"))
		return __real_statx(dir, path, flags, mask, st);
	memset(st, 0, sizeof(*st));
	st->stx_mode = mapped ? S_IFCHR : S_IFREG;
	st->stx_rdev_major = 1;
	st->stx_rdev_minor = 7;
	errno = map_error;
	return map_error ? -1 : 0;
}

/* A new machine with one device */
static void machine(const char *class)
{
	tree_clear();
	file(HERE "/class", class);
	link_to(BUS, HERE);
	link_to(HERE "/subsystem", "bus/pci");
	file("/proc/1/fd/none", "");
	link_to("/proc/self/ns/pid", "pid:[4026531836]");
	disk_file = NULL;
	disk_error = 0;
}

static void disk(const char *folder, const char *number)
{
	char name[PATH_MAX];

	snprintf(name, sizeof(name), "%s/subsystem", folder);
	link_to(name, "class/block");
	snprintf(name, sizeof(name), "%s/dev", folder);
	if (number)
		file(name, number);
}

static bool is(enum device_use use, const char *what)
{
	user[0] = 0;
	if (device_user(root, ADDR, user, sizeof(user)) == use && strstr(user, what))
		return true;
	printf("# %s\n", user);
	return false;
}

static bool used(const char *what)
{
	return is(DEVICE_USED, what);
}

static bool unknown(const char *what)
{
	return is(DEVICE_UNKNOWN, what);
}

static bool is_free(void)
{
	return is(DEVICE_FREE, "");
}

static bool disk_is(int error, dev_t number)
{
	disk_error = error;
	disk_number = number;
	return is_free();
}

static bool disk_is_unknown(int error)
{
	disk_error = error;
	return unknown("disk nvme0n1: ") && strstr(user, strerror(error));
}

static void test_disk(void)
{
	machine("0x010802");
	disk(HERE "/nvme/nvme0/nvme0n1", "259:1");
	disk(HERE "/nvme/nvme0/nvme0n1/nvme0n1p1", "259:2");
	file(HERE "/nvme/nvme0/nvme0n1/nvme0n1p1/partition", "1\n");
	disk_file = "nvme0n1";
	tap_ok(disk_is(0, makedev(259, 1)), "a disk that can be claimed is free");
	tap_ok(!disk_is(EBUSY, makedev(259, 1)) && !strcmp(user, "disk nvme0n1"),
	       "one that is claimed is not");
	tap_ok(disk_is_unknown(EACCES) && disk_is_unknown(ENOENT) &&
		       disk_is_unknown(ENXIO),
	       "of one that cannot be opened nobody can tell");
	tap_ok(!disk_is(0, makedev(259, 7)) && disk_is_unknown(ENODEV),
	       "nor of one whose file is another's");
	disk_file = NULL;
	tap_ok(unknown("disk nvme0n1"), "nor of one without a file");

	machine("0x010400");
	disk(HERE "/host0/block/cciss!c0d0", "104:0");
	disk_file = "cciss/c0d0";
	tap_ok(disk_is(0, makedev(104, 0)) && !disk_is(EBUSY, makedev(104, 0)),
	       "a name with '!'");
}

/* How many files it may have open makes no difference to what it says */
static void test_limits(void)
{
	struct rlimit limit, few;
	bool good = true;
	int last = -1;

	machine("0x010802");
	disk(HERE "/nvme/nvme0/nvme0n1", "259:1");
	disk_file = "nvme0n1";
	disk_error = EBUSY;
	getrlimit(RLIMIT_NOFILE, &limit);
	few = limit;
	/* Those that are open stay */
	for (few.rlim_cur = 0; few.rlim_cur < 24; few.rlim_cur++) {
		setrlimit(RLIMIT_NOFILE, &few);
		last = device_user(root, ADDR, user, sizeof(user));
		good &= last != DEVICE_FREE;
	}
	setrlimit(RLIMIT_NOFILE, &limit);
	tap_ok(good && last == DEVICE_USED,
	       "with few files to be opened a used disk does not become a free one");
}

static void test_multipath(void)
{
	machine("0x010802");
	disk(HERE "/nvme/nvme0/nvme0c0n1", NULL);
	file(HERE "/nvme/nvme0/nvme0c0n1/hidden", "1\n");
	tap_ok(used("disk that is not to be found"),
	       "multipath: a hidden disk without a head is used");
	link_to("/sys/class/nvme-subsystem/nvme-subsys0", SUBSYSTEM);
	link_to(SUBSYSTEM "/nvme0", HERE "/nvme/nvme0");
	disk(SUBSYSTEM "/nvme0n1", "259:0");
	disk_file = "nvme0n1";
	tap_ok(disk_is(0, makedev(259, 0)), "multipath: the head is free");
	tap_ok(!disk_is(EBUSY, makedev(259, 0)) && !strcmp(user, "disk nvme0n1"),
	       "multipath: the head is mounted");
	/* Of another controller's subsystem nothing matters */
	link_to("/sys/class/nvme-subsystem/nvme-subsys1",
		"/sys/devices/virtual/nvme-subsystem/nvme-subsys1");
	disk("/sys/devices/virtual/nvme-subsystem/nvme-subsys1/nvme1n1", "259:9");
	tap_ok(disk_is(0, makedev(259, 0)), "multipath: other subsystems");
}

static void test_network(void)
{
	machine("0x020000");
	tap_ok(used("another network namespace"),
	       "a network card without an interface here");
	link_to(HERE "/infiniband/mlx5_0/subsystem", "class/infiniband");
	tap_ok(used("another network namespace"), "RDMA that is not known over what");
	file(HERE "/infiniband/mlx5_0/ports/1/link_layer", "Ethernet\n");
	tap_ok(used("another network namespace"),
	       "RDMA over Ethernet, which has an interface");
	file(HERE "/infiniband/mlx5_0/ports/1/link_layer", "InfiniBand\n");
	tap_ok(is_free(), "InfiniBand has none");
	file(HERE "/infiniband/mlx5_0/ports/2/link_layer", "Ethernet\n");
	tap_ok(used("another network namespace"), "unless another port is Ethernet");
	file(HERE "/infiniband/mlx5_0/ports/2/link_layer", "InfiniBand\n");
	tap_ok(is_free(), "two ports");
	file("/sys/module/ib_ipoib/refcnt", "0\n");
	tap_ok(used("another network namespace"), "or ib_ipoib gives it one");
	file(HERE "/infiniband/mlx5_0/ports/1/link_layer", "Unknown\n");
	tap_ok(used("another network namespace"), "on one of its ports");
	file(HERE "/infiniband/mlx5_0/ports/2/link_layer", "Unknown\n");
	tap_ok(is_free(), "RDMA over neither has none");
	file(HERE "/infiniband/mlx5_0/ports/2/link_layer", "");
	tap_ok(used("another network namespace"), "unless one port does not say");

	machine("0x020000");
	link_to(HERE "/net/eth0/subsystem", "class/net");
	tap_ok(used("network interface eth0"),
	       "an interface of which nothing is known");
	file(HERE "/net/eth0/flags", "0x1002\n");
	tap_ok(is_free(), "an interface that is down");
	file(HERE "/net/eth0/flags", "0x1003\n");
	tap_ok(used("network interface eth0"), "an interface that is up");
	file(HERE "/net/eth0/flags", "0x1002\n");
	link_to(HERE "/net/eth0/upper_vlan7", "vlan7");
	tap_ok(used("network interface eth0"), "one below a VLAN");

	machine("0x020000");
	link_to(HERE "/net/eth0/subsystem", "class/net");
	file(HERE "/net/eth0/flags", "0x1002\n");
	link_to(HERE "/net/eth0/master", "br0");
	tap_ok(used("network interface eth0"), "one that is part of a bridge");

	machine("0x120000");
	tap_ok(is_free(), "something else");
	file(HERE "/sriov_numvfs", "0\n");
	tap_ok(is_free(), "no virtual functions");
	file(HERE "/sriov_numvfs", "2\n");
	tap_ok(used("2 virtual functions"), "virtual functions");
}

static void virtio(const char *class, const char *driver)
{
	machine(class);
	link_to(HERE "/virtio0/subsystem", "bus/virtio");
	link_to(HERE "/virtio0/driver", driver);
}

static void test_virtio(void)
{
	virtio("0x000200", "../bus/virtio/drivers/virtio_rng");
	tap_ok(is_free(), "virtio: randomness");
	virtio("0x000200", "../bus/virtio/drivers/9pnet_virtio");
	tap_ok(used("file system of virtio0"), "virtio: 9p");
	virtio("0x018000", "../bus/virtio/drivers/virtiofs");
	tap_ok(used("file system of virtio0"), "virtio: virtiofs");
}

/* Another one in /proc, or none any more */
static void process(const char *name, const char *target)
{
	char path[PATH_MAX];

	at(path, name);
	unlink(path);
	if (target && symlink(target, path))
		exit(1);
}

/* /dev/full, which nobody has open, is a file of the device */
static void test_open(void)
{
	char self[64], proc[64];
	int fd;

	machine("0x030000");
	link_to(HERE "/drm/card0/subsystem", "class/drm");
	file(HERE "/drm/card0/dev", "1:7\n");
	tap_ok(is_free(), "a file that nobody has open");
	snprintf(proc, sizeof(proc), "/proc/%d", getpid());
	snprintf(self, sizeof(self), "%s", proc);
	process(proc, self);
	*asked = 0;
	tap_ok(is_free() && !*asked, "nor this process; no server is asked for its files");
	fd = __real_open64("/dev/full", O_WRONLY | O_CLOEXEC);
	tap_ok(used("/dev/full, which process ") && strstr(user, "test_device_use"),
	       "a file that a process has open");
	process("/proc/" STRANGER "/task/" STRANGER, "/");
	process("/proc/" STRANGER "/fd/5", "/dev/null");
	tap_ok(used("/dev/full, which process "), "whoever else may not be looked at");
	close(fd);
	tap_ok(unknown("process " STRANGER " (?): Permission denied"),
	       "when it has closed it, nobody can tell of that one");
	process("/proc/" STRANGER "/fd/5", NULL);
	tap_ok(is_free(), "and that has ended");
	mapped = true;
	tap_ok(used("one of its files in /dev, which process ") &&
		       strstr(user, "(test_device_use) has mapped"),
	       "a file that a process has mapped");
	mapped = false;
	map_error = EPERM;
	tap_ok(unknown("(test_device_use): Permission denied"),
	       "who may not look behind mappings cannot tell");
	map_error = 0;
}

/* In a container there is a first process, too */
static void test_container(void)
{
	machine("0x030000");
	link_to(HERE "/drm/card0/subsystem", "class/drm");
	file(HERE "/drm/card0/dev", "1:7\n");
	tap_ok(is_free(), "the first namespace of processes");
	process("/proc/self/ns/pid", "pid:[4026532296]");
	tap_ok(unknown("/proc: Permission denied"), "another one does not show all");
	process("/proc/self/ns/pid", NULL);
	tap_ok(unknown("/proc: Permission denied"), "nor one that is not known");
	link_to("/proc/self/ns/mnt", "mnt:[4026531841]");
	tap_ok(is_free(), "a kernel without them does");
}

static void test_no_proc(void)
{
	char path[PATH_MAX];

	at(path, "/proc/1/fd/none");
	unlink(path);
	*strrchr(path, '/') = 0;
	rmdir(path);
	*strrchr(path, '/') = 0;
	rmdir(path);
	tap_ok(unknown("/proc: Permission denied"), "a /proc that hides processes");
	machine("0x030000");
	tap_ok(is_free(), "what has no files nobody has open");
	link_to(HERE "/drm/card0/subsystem", "class/drm");
	file(HERE "/drm/card0/dev", "1:7\n");
	snprintf(path, sizeof(path), "rm -rf '%s/proc'", root);
	tap_ok(!system(path) && unknown("/proc: No such file or directory"), "no /proc");
}

static void test_group(void)
{
	char mates[DEVICE_USER];

	machine("0x030000");
	tap_ok(!device_in_the_way(root, ADDR, mates, sizeof(mates)),
	       "no IOMMU group");
	link_to(HERE "/iommu_group", "/sys/kernel/iommu_groups/5");
	link_to("/sys/kernel/iommu_groups/5/devices/" ADDR "/driver", "nvidia");
	link_to("/sys/kernel/iommu_groups/5/devices/0000:00:01.0/driver", "pcieport");
	link_to("/sys/kernel/iommu_groups/5/devices/0000:04:00.2/driver", "vfio-pci");
	file("/sys/kernel/iommu_groups/5/devices/0000:04:00.3/class", "0x0c0330");
	tap_ok(!device_in_the_way(root, ADDR, mates, sizeof(mates)),
	       "in its IOMMU group: itself, a port, one of VFIO's, one without a driver");
	link_to("/sys/kernel/iommu_groups/5/devices/0000:04:00.1/driver", "snd_hda_intel");
	tap_ok(device_in_the_way(root, ADDR, mates, sizeof(mates)) &&
		       !strcmp(mates, "0000:04:00.1 (snd_hda_intel)"),
	       "and one of the host's, by name and driver");
}

/* What of the kernel uses a disk without a claim, see kernel_user.c, and an NFS client */
static void test_nfs(void)
{
	const char *count = "/sys/module/blocklayoutdriver/refcnt";
	char path[PATH_MAX];

	machine("0x010802");
	disk(HERE "/nvme/nvme0/nvme0n1", "1:7");
	disk_file = "nvme0n1";
	disk_number = makedev(1, 7);
	file("/sys/class/block/nvme0n1/dev", "1:7\n");
	file("/sys/block/loop0/loop/backing_file", "/dev/nvme0n1\n");
	tap_ok(used("/dev/nvme0n1, by /sys/block/loop0/loop/backing_file"),
	       "a loop device over a disk");
	file("/sys/block/loop0/loop/backing_file", "/not/there\n");
	tap_ok(unknown("/sys/block/loop0/loop/backing_file: No such file"),
	       "and one over what is not known");
	file("/sys/block/loop0/loop/backing_file", "");
	file(count, "0\n");
	tap_ok(is_free(), "no NFS that writes to disks by itself");
	file(count, "1\n");
	tap_ok(unknown("blocklayoutdriver"), "and one that does");
	snprintf(path, sizeof(path), "%s%s", root, count);
	unlink(path);
	file("/proc/1/mountstats", "\tnfsv4:\tbm0=0xfdffbfff,acl=0x3,sessions,pnfs=not configured\n");
	tap_ok(is_free(), "built in: NFS that does not");
	file("/proc/1/mountstats", "\tnfsv4:\tbm0=0xfdffbfff,acl=0x3,sessions,pnfs=LAYOUT_SCSI\n");
	tap_ok(unknown("blocklayoutdriver"), "and one that does");
	file("/proc/1/mountstats", "");
	file("/proc/self/mountstats", "\tnfsv4:\tbm0=0xfdffbfff,pnfs=LAYOUT_BLOCK_VOLUME\n");
	tap_ok(unknown("blocklayoutdriver"), "or where this program is");
	machine("0x030000");
	file(count, "1\n");
	tap_ok(is_free(), "which matters to disks only");
}

int main(void)
{
	asked = mmap(NULL, sizeof(*asked), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (asked == MAP_FAILED)
		return 1;
	tree_begin();
	test_disk();
	test_limits();
	test_multipath();
	test_network();
	test_virtio();
	test_open();
	test_no_proc();
	test_container();
	test_nfs();
	test_group();
	tree_end();
	return tap_end();
}

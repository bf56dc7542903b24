// SPDX-License-Identifier: GPL-2.0
/*
 * What in the kernel has a disk open, on machines that are folders: the disk is
 * nvme0n1, with the number of /dev/full
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "kernel_user.h"
#include "tap.h"
#include "tree.h"

int __real_statx(int dir, const char *path, int flags, unsigned int mask,
		 struct statx *st);
int __wrap_statx(int dir, const char *path, int flags, unsigned int mask,
		 struct statx *st);

/* As a device's BAR is */
static void *mapped;

static void map_file(void)
{
	char path[PATH_MAX];
	int fd;

	at(path, "/srv/alone");
	fd = open(path, O_RDWR | O_CLOEXEC);
	mapped = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
	if (mapped == MAP_FAILED)
		exit(1);
	close(fd);
}

/* Open, but the one it answers through, or mapped */
static bool has_files(void)
{
	unsigned int nr = 0;
	int fd;

	for (fd = 0; fd < 1024; fd++)
		nr += fcntl(fd, F_GETFD) >= 0;
	return nr > 1 || !msync(mapped, 1, MS_ASYNC);
}

/* A server that never answers, and one that does to who has no other files */
int __wrap_statx(int dir, const char *path, int flags, unsigned int mask,
		 struct statx *st)
{
	while (strstr(path, "/srv/hangs"))
		pause();
	if (strstr(path, "/srv/alone") && has_files()) {
		errno = EMFILE;
		return -1;
	}
	return __real_statx(dir, path, flags, mask, st);
}

/* Whether configfs is mounted where its folder is */
static bool mounted = true;

int __real_statfs64(const char *path, struct statfs *fs);
int __wrap_statfs64(const char *path, struct statfs *fs);

int __wrap_statfs64(const char *path, struct statfs *fs)
{
	int ret = __real_statfs64(path, fs);

	if (!ret && mounted && strstr(path, "/sys/kernel/config"))
		fs->f_type = 0x62656570;
	return ret;
}

static bool is(int wanted, const char *what)
{
	const dev_t disk = makedev(1, 7);
	char user[160] = "";
	int ret = kernel_user(root, &disk, 1, user, sizeof(user));

	if (ret == wanted && strstr(user, what))
		return true;
	printf("# %d: %s\n", ret, user);
	return false;
}

static bool used(const char *what)
{
	return is(1, what);
}

static bool unknown(const char *what, int err)
{
	return is(-err, what);
}

static bool is_free(void)
{
	return is(0, "");
}

static void test_kernel(void)
{
	const char *core = "/sys/kernel/config/target/core/fileio_0/store";
	const char *space = "/sys/kernel/config/nvmet/subsystems/a/namespaces/1";
	char name[PATH_MAX];

	tap_ok(is_free(), "a disk that nothing in the kernel has open");
	file("/srv/image", "");
	file("/sys/block/loop0/loop/backing_file", "/srv/image\n");
	tap_ok(is_free(), "a loop device over a file");
	file("/sys/class/block/nvme0n1/dev", "1:7\n");
	file("/sys/block/loop0/loop/backing_file", "/elsewhere/nvme0n1\n");
	tap_ok(used("/elsewhere/nvme0n1, by /sys/block/loop0/loop/backing_file"),
	       "a loop device over the disk, by whatever path");
	file("/sys/block/loop0/loop/backing_file", "/dev/disk/by-id/x (deleted)\n");
	tap_ok(unknown("/sys/block/loop0/loop/backing_file", ENOENT),
	       "one over what is not to be found");
	file("/sys/block/loop0/loop/backing_file", "/srv/nvme0n1 (deleted)\n");
	tap_ok(unknown("/sys/block/loop0/loop/backing_file", ENOENT),
	       "nor in another folder");
	link_to("/srv/node", "/dev/full");
	at(name, "/dev/full");
	if (symlink("/dev/full", name))
		exit(1);
	file("/sys/block/loop0/loop/backing_file", "/srv/node\n");
	tap_ok(used("/srv/node, by /sys/block/loop0/loop/backing_file"),
	       "one over a file of the disk's that is not in /dev");
	link_to("/dev/disk/by-label/sda", "/dev/full");
	file("/sys/class/block/sda/dev", "8:0\n");
	file("/sys/block/loop0/loop/backing_file", "/dev/disk/by-label/sda\n");
	tap_ok(used("/dev/disk/by-label/sda, by "), "one over a link with another disk's name");
	file("/sys/block/loop0/loop/backing_file", "/srv/hangs\n");
	tap_ok(unknown("/sys/block/loop0/loop/backing_file", ETIMEDOUT),
	       "one over a server's file that does not answer");

	file("/srv/alone", "");
	file("/sys/block/loop0/loop/backing_file", "/srv/alone\n");
	map_file();
	tap_ok(is_free(), "who asks, and may never end, has no files of this program's");

	tree_clear();
	/* A folder can be opened, but not be read */
	file("/sys/block/loop0/loop/backing_file/x", "");
	tap_ok(unknown("/sys/block/loop0/loop/backing_file", EISDIR),
	       "one that does not say over what it is");

	tree_clear();
	link_to("/dev/disk/by-id/x", "/dev/full");
	at(name, "/dev/full");
	if (symlink("/dev/full", name))
		exit(1);
	snprintf(name, sizeof(name), "%s/device_path", space);
	file(name, "/dev/disk/by-id/x\n");
	snprintf(name, sizeof(name), "%s/enable", space);
	file(name, "0\n");
	tap_ok(is_free(), "a namespace of the NVMe target that is not enabled");
	file(name, "1\n");
	tap_ok(used("/dev/disk/by-id/x, by /sys/kernel/config/nvmet/"), "and one that is");
	file(name, "0\n");
	snprintf(name, sizeof(name), "%s/info", core);
	file(name, "Status: ACTIVATED  Max Queue Depth: 0\n"
		   "        TCM FILEIO ID: 0        File: /dev/full  Size: 4096  Mode: O_DSYNC\n");
	tap_ok(used("/dev/full, by /sys/kernel/config/target/core/fileio_0/store/info"),
	       "a file of the SCSI target");
	file("/srv/an image", "");
	file(name, "TCM FILEIO ID: 0        File: /srv/an image  Size: 4096  Mode: O_DSYNC\n");
	tap_ok(is_free(), "one with a blank");
	file(name, "Status: DEACTIVATED  Max Queue Depth: 0\n");
	tap_ok(is_free(), "and one that has none");
}

static void test_mount(void)
{
	tree_clear();
	mounted = false;
	tap_ok(is_free(), "a kernel without configfs");
	file("/sys/kernel/config/x", "");
	tap_ok(unknown("mount -t configfs none /sys/kernel/config", ENOENT),
	       "one that has it, but not mounted");
	mounted = true;
	tap_ok(is_free(), "and mounted");
}

static void test_exports(void)
{
	const char *medium = "/sys/kernel/config/usb_gadget/g/functions/mass_storage.0/lun.0/file";
	const char *old = "/sys/class/udc/dummy_udc.0/device/gadget.0/lun0/file";
	const char *export = "/sys/class/rnbd-server/ctl/devices/nvme0n1";
	const char *heart = "/sys/kernel/config/cluster/c/heartbeat/1/dev";
	char name[PATH_MAX];

	tree_clear();
	file("/sys/class/block/nvme0n1/dev", "1:7\n");
	file("/sys/class/block/sda/dev", "8:0\n");
	file(medium, "");
	tap_ok(is_free(), "a USB gadget without a medium");
	file(medium, "/dev/nvme0n1\n");
	tap_ok(used("/dev/nvme0n1, by /sys/kernel/config/usb_gadget/"), "and one with");
	file(medium, "");
	file(old, "/dev/nvme0n1\n");
	tap_ok(used("/dev/nvme0n1, by /sys/class/udc/"), "and one of g_mass_storage");
	file(old, "");
	snprintf(name, sizeof(name), "%s/block_dev", export);
	link_to(name, "/sys/class/block/nvme0n1");
	tap_ok(used("1:7, by /sys/class/rnbd-server/"), "an export of rnbd-server");
	file("/sys/class/block/nvme0n1/dev", "1:9\n");
	tap_ok(is_free(), "of another disk");
	file(heart, "sda\n");
	tap_ok(is_free(), "OCFS2's heartbeat on another disk");
	file("/sys/class/block/nvme0n1/dev", "1:7\n");
	file(heart, "nvme0n1\n");
	tap_ok(used("by /sys/"), "and on this one");
}

int main(void)
{
	tree_begin();
	test_kernel();
	test_mount();
	test_exports();
	tree_end();
	return tap_end();
}

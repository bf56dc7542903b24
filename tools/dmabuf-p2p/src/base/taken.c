// SPDX-License-Identifier: GPL-2.0
/*
 * Notes of what was taken from its driver, for when nobody is left to put it back
 *
 * SIGKILL gives a program no time. So before a device is taken there is a file in
 * /run/dmabuf-p2p with its address for a name: what it had, and which process puts
 * that back. A note whose process is no more is found by doctor, mended by release,
 * and taken over by the next export, copy or bench of the device.
 *
 * A note of process 0 is one of 'bind', which is to stay until 'release'.
 *
 * A note is never changed, only replaced as a whole, and that by who holds a lock.
 * The folder is root's alone (or that of the user who has such rights): a link in
 * it, or a folder that others may write to, is not followed or believed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "devices/pci.h"
#include "message.h"
#include "taken.h"
#include "verb.h"

#define LOCK "lock"
#define CHANGES "changes"

/* Return: the folder, or -errno */
static int open_folder(const char *root, bool make)
{
	char path[PATH_MAX];
	struct stat st;
	int dir;

	if (snprintf(path, sizeof(path), "%s" TAKEN_FOLDER, root) >= PATH_MAX)
		return -ENAMETOOLONG;
	if (make && mkdir(path, 0755) && errno != EEXIST)
		return -errno;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	if (!fstat(dir, &st) && (!st.st_uid || st.st_uid == geteuid()) &&
	    !(st.st_mode & 022))
		return dir;
	close(dir);
	return -EPERM;
}

/*
 * Of a file in the folder @length bytes from @at on, 0 for all. Others than the owner
 * cannot open it, and so not keep it. Return: it or -errno
 */
static int lock_file(int dir, const char *name, off_t at, off_t length)
{
	struct flock lock = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = at,
		.l_len = length,
	};
	int fd, err;

	fd = openat(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	while (fcntl(fd, F_OFD_SETLKW, &lock)) {
		err = errno;
		if (err == EINTR)
			continue;
		close(fd);
		return -err;
	}
	return fd;
}

/* Return: when a process began, 0 if it is no more */
static unsigned long long start_of(const char *root, pid_t pid)
{
	char path[PATH_MAX], text[1024], *rest;
	unsigned long long start = 0;
	char state = 0;
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "%s/proc/%d/stat", root, pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len < 0 ? 0 : len] = 0;
	/* Its name is in parentheses and may have any in it */
	rest = strrchr(text, ')');
	if (!rest || sscanf(rest + 1,
			    " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
			    &state, &start) != 2)
		return 0;
	/* A zombie has closed everything */
	return state == 'Z' || state == 'X' ? 0 : start;
}

/* Return: 0, -ENOENT, or -EBADMSG if that is no note */
static int read_note(int dir, const char *root, const char *addr,
		     struct taken *taken)
{
	char text[256];
	struct stat st;
	ssize_t len = -1;
	int fd, end = 0;

	memset(taken, 0, sizeof(*taken));
	fd = openat(dir, addr, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode))
		len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		return -EBADMSG;
	text[len] = 0;
	if (sscanf(text, "pid %d start %llu driver=%63[^\n ] override=%63[^\n ] end%n",
		   &taken->pid, &taken->start, taken->driver, taken->override,
		   &end) != 4 || !end)
		return -EBADMSG;
	if (!strcmp(taken->driver, "-"))
		taken->driver[0] = 0;
	if (!strcmp(taken->override, "-"))
		taken->override[0] = 0;
	snprintf(taken->addr, sizeof(taken->addr), "%s", addr);
	taken->alive = !taken->pid ||
		       start_of(root, taken->pid) == taken->start;
	return 0;
}

static int write_note(int dir, const char *root, const struct taken *note,
		      pid_t pid)
{
	char name[DEVICE_ADDR + 8];
	int fd, ret;

	/* Of somebody who was killed just here */
	snprintf(name, sizeof(name), ".%s", note->addr);
	unlinkat(dir, name, 0);
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	ret = dprintf(fd, "pid %d start %llu\ndriver=%s override=%s end\n",
		      pid, pid ? start_of(root, pid) : 0,
		      note->driver[0] ? note->driver : "-",
		      note->override[0] ? note->override : "-");
	ret = ret < 0 ? -errno : 0;
	if (close(fd) && !ret)
		ret = -errno;
	if (!ret && renameat(dir, name, dir, note->addr))
		ret = -errno;
	if (ret)
		unlinkat(dir, name, 0);
	return ret;
}

static void fill_note(struct taken *note, const char *addr, const char *driver,
		      const char *override)
{
	memset(note, 0, sizeof(*note));
	snprintf(note->addr, sizeof(note->addr), "%s", addr);
	snprintf(note->driver, sizeof(note->driver), "%s", driver);
	snprintf(note->override, sizeof(note->override), "%s", override);
}

static int claim(int dir, const char *root, const char *addr,
		 const char *driver, const char *override, struct taken *was)
{
	int ret = read_note(dir, root, addr, was);

	/* Of 'bind': if it has another driver since, that is forgotten */
	const bool kept = !ret && !was->pid;

	if (!ret && !kept && was->alive)
		return was->pid == getpid() ? 0 : -EBUSY;
	if (!ret && !kept) {
		ret = write_note(dir, root, was, getpid());
		return ret ? ret : 1;
	}
	if (!driver)
		return ret == -ENOENT ? 0 : ret;
	fill_note(was, addr, driver, override);
	return write_note(dir, root, was, getpid());
}

/* Somebody was killed while taking it: what it has now is not what it had */
static bool is_half_taken(const struct taken *note, const char *driver,
			  const char *override)
{
	return !strcmp(override, TAKEN_DRIVER) &&
	       (!driver[0] || !strcmp(driver, note->driver));
}

static int keep(int dir, const char *root, const char *addr, const char *driver,
		const char *override)
{
	struct taken note;
	const int ret = read_note(dir, root, addr, &note);

	if (!ret && note.pid && note.alive)
		return -EBUSY;
	if (!driver && (ret || !note.pid))
		return 0;
	/* The driver_override is that of the rule for udev, which goes first */
	if (driver && (ret || !is_half_taken(&note, driver, override)))
		fill_note(&note, addr, driver,
			  strcmp(override, TAKEN_DRIVER) ? override : "");
	return write_note(dir, root, &note, 0);
}

/* Others than root may ask, as long as there is nothing to be written */
static bool is_kept(int dir, const char *root, const char *addr)
{
	struct taken note;

	return read_note(dir, root, addr, &note) || !note.pid;
}

int taken_lock(const char *root, const char *addr)
{
	unsigned int domain, bus, slot, function;
	int dir, ret = -EINVAL;

	dir = open_folder(root, true);
	if (dir < 0)
		return dir;
	/* A byte for each function that there can be */
	if (sscanf(addr, "%x:%x:%x.%x", &domain, &bus, &slot, &function) == 4)
		ret = lock_file(dir, CHANGES,
				(off_t)domain << 16 | bus << 8 | slot << 3 | function, 1);
	close(dir);
	return ret;
}

int taken_keep(const char *root, const char *addr, const char *driver,
	       const char *override)
{
	int dir = open_folder(root, driver), lock, ret;

	if (dir < 0)
		return driver ? dir : 0;
	if (!driver && is_kept(dir, root, addr)) {
		close(dir);
		return 0;
	}
	ret = lock = lock_file(dir, LOCK, 0, 0);
	if (lock >= 0) {
		ret = keep(dir, root, addr, driver, override);
		close(lock);
	}
	close(dir);
	return ret;
}

int taken_claim(const char *root, const char *addr, const char *driver,
		const char *override, struct taken *was)
{
	int dir = open_folder(root, driver), lock, ret;

	if (dir < 0)
		return dir == -ENOENT && !driver ? 0 : dir;
	ret = lock = lock_file(dir, LOCK, 0, 0);
	if (lock >= 0) {
		ret = claim(dir, root, addr, driver, override, was);
		close(lock);
	}
	close(dir);
	return ret;
}

void taken_forget(const char *root, const char *addr)
{
	int dir = open_folder(root, false), lock;
	struct taken taken;

	if (dir < 0)
		return;
	lock = lock_file(dir, LOCK, 0, 0);
	if (lock >= 0) {
		if (!read_note(dir, root, addr, &taken) &&
		    (!taken.pid || taken.pid == getpid()) && taken.alive)
			unlinkat(dir, addr, 0);
		close(lock);
	}
	close(dir);
}

struct taken *taken_list(const char *root, ssize_t *nr)
{
	int fd = open_folder(root, false);
	struct taken *list = NULL, *longer;
	char addr[DEVICE_ADDR];
	struct dirent *entry;
	DIR *dir;

	*nr = fd == -ENOENT ? 0 : fd;
	if (fd < 0)
		return NULL;
	*nr = 0;
	dir = fdopendir(fd);
	while (dir && (entry = readdir(dir))) {
		if (!device_parse(addr, entry->d_name))
			continue;
		longer = reallocarray(list, (size_t)*nr + 1, sizeof(*list));
		if (!longer) {
			complain(NULL, NULL, "out of memory");
			exit(EXIT_FAILED);
		}
		list = longer;
		if (!read_note(fd, root, entry->d_name, &list[*nr]))
			++*nr;
	}
	if (dir)
		closedir(dir);
	return list;
}

void taken_saved(const struct taken *note, struct pci_saved *was)
{
	memset(was, 0, sizeof(*was));
	snprintf(was->addr, sizeof(was->addr), "%s", note->addr);
	snprintf(was->bound, sizeof(was->bound), "%s", TAKEN_DRIVER);
	snprintf(was->driver, sizeof(was->driver), "%s", note->driver);
	snprintf(was->override, sizeof(was->override), "%s", note->override);
}

void taken_adopt(const char *addr)
{
	char driver[64];
	struct pci_saved saved;
	struct taken was;

	if (!cleanup_works() ||
	    taken_claim("", addr, NULL, NULL, &was) != 1)
		return;
	taken_saved(&was, &saved);
	/*
	 * Whoever has bound it to another one since may be using it. With the one it had
	 * it may still lack its driver_override.
	 */
	if (!__pci_driver(addr, driver, sizeof(driver)) &&
	    strcmp(driver, TAKEN_DRIVER) && strcmp(driver, was.driver))
		taken_forget("", addr);
	else
		__pci_saved_add(&saved);
}

static bool may_take(const char *addr)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override",
		 addr);
	return !access(path, W_OK);
}

void taken_note(void)
{
	/* As many as were looked at before */
	static int noted;
	static bool warned;
	const struct pci_saved *saved;
	struct taken was;
	int ret;

	for (; (saved = pci_saved(noted)); noted++) {
		ret = taken_claim("", saved->addr, saved->driver,
				  saved->override, &was);
		if (ret == -EBUSY || ret > 0) {
			complain(saved->addr, "try again",
				 "process %d of this program is about to take it",
				 was.pid);
			exit(EXIT_FAILED);
		}
		/* Who may not take it is told so in a moment */
		if (!ret || warned || !may_take(saved->addr))
			continue;
		complain(TAKEN_FOLDER,
			 "if SIGKILL ends this, put the driver back by hand, see 'dmabuf-p2p release --help'",
			 "cannot note that %s is taken from its driver: %s",
			 saved->addr, strerror(-ret));
		warned = true;
	}
}

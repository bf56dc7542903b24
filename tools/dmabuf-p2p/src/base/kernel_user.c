// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "array.h"
#include "child.h"
#include "kernel_user.h"
#include "sysfs_file.h"
#include "text.h"

#define CONFIG "/sys/kernel/config"

/* Not in <linux/magic.h> */
#define CONFIGFS_MAGIC 0x62656570

/* How long a server may take to tell what a file is */
#define PATIENCE_MS 2000

/*
 * Files that tell what is open: a path or the name of a disk, alone or between some
 * words and two blanks; or the number of a device
 */
static const struct source {
	const char *files;
	const char *words;
	bool number;
} sources[] = {
	{ "/sys/block/loop*/loop/backing_file" },
	{ CONFIG "/nvmet/subsystems/*/namespaces/*/device_path" },
	{ CONFIG "/nvmet/subsystems/*/passthru/device_path" },
	{ CONFIG "/target/core/fileio_*/*/info", .words = "File: " },
	{ CONFIG "/target/core/iblock_*/*/info", .words = "UDEV PATH: " },
	{ CONFIG "/usb_gadget/*/functions/mass_storage.*/lun.*/file" },
	/* g_mass_storage has it there */
	{ "/sys/class/udc/*/device/gadget*/lun*/file" },
	{ "/sys/class/rnbd-server/ctl/devices/*/block_dev/dev", .number = true },
	/* OCFS2's, where it is no file system's */
	{ CONFIG "/cluster/*/heartbeat/*/dev" },
};

struct search {
	const char *root;
	const dev_t *devices;
	size_t nr;
	char *user;
	size_t size;
};

static bool is_one(const struct search *search, dev_t device)
{
	size_t i;

	for (i = 0; i < search->nr; i++)
		if (search->devices[i] == device)
			return true;
	return false;
}

/* Return: the path in it without what follows, or NULL, with errno; in @text */
static char *read_path(const struct source *source, const char *file,
		       char text[PATH_MAX])
{
	FILE *stream = fopen(file, "re");
	char *path = text, *end;
	size_t len;
	int err;

	if (!stream)
		return NULL;
	len = fread(text, 1, PATH_MAX - 1, stream);
	err = ferror(stream) ? errno : 0;
	fclose(stream);
	errno = err;
	if (err)
		return NULL;
	text[len] = 0;
	if (source->words) {
		path = strstr(text, source->words);
		if (!path)
			return NULL;
		path += strlen(source->words);
	}
	end = source->words ? strstr(path, "  ") : NULL;
	if (end)
		*end = 0;
	path[strcspn(path, "\n")] = 0;
	return path;
}

/* A target's may have been configured only. Return: whether nothing says so */
static bool is_enabled(const char *file)
{
	const int folder = (int)(strrchr(file, '/') - file);
	char text[8];

	return !sysfs_text(text, sizeof(text), "", "%.*s/enable", folder, file) ||
	       text[0] != '0';
}

/* What a file is: 0 or -errno */
struct answer {
	int ret;
	mode_t mode;
	dev_t device;
};

static void answer(int fd, void *arg)
{
	struct answer answer = { 0 };
	const char *path = arg;
	struct statx st;

	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_TYPE, &st)) {
		answer.ret = -errno;
	} else {
		answer.mode = st.stx_mode;
		answer.device = makedev(st.stx_rdev_major, st.stx_rdev_minor);
	}
	child_tell(fd, &answer, sizeof(answer));
}

/* The path may be a server's that does not answer */
static struct answer ask(char *path)
{
	struct answer got = { .ret = -EIO };
	int ret;

	ret = child_ask(answer, path, &got, sizeof(got), PATIENCE_MS);
	if (ret)
		got.ret = ret;
	return got;
}

/*
 * By its name, as another mount namespace may have it elsewhere; if that is another
 * one's, it may be that of a link to ours, or of a file that is ours. If nothing is
 * under that path, or a folder, it is not known what somebody else sees there, or saw.
 */
static int is_ours(const struct search *search, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	unsigned int major, minor;
	char full[PATH_MAX], text[32];
	struct answer file;
	bool known;

	known = sysfs_text(text, sizeof(text), search->root,
			   "/sys/class/block/%s/dev", name) &&
		sscanf(text, "%u:%u", &major, &minor) == 2;
	if (known && is_one(search, makedev(major, minor)))
		return 1;
	if (!slash)
		return known ? 0 : -ENODEV;
	if (snprintf(full, sizeof(full), "%s%s", search->root, path) >= PATH_MAX)
		return -ENAMETOOLONG;
	file = ask(full);
	if (file.ret)
		return file.ret;
	if (S_ISBLK(file.mode) || S_ISCHR(file.mode))
		return is_one(search, file.device);
	return S_ISREG(file.mode) ? 0 : -ENODEV;
}

static int has_our_number(const struct search *search, const char *text)
{
	unsigned int major, minor;

	if (sscanf(text, "%u:%u", &major, &minor) != 2)
		return -EINVAL;
	return is_one(search, makedev(major, minor));
}

static int look_at(const struct search *search, const struct source *source,
		   const char *file)
{
	const char *shown = file + strlen(search->root);
	char text[PATH_MAX], *path;
	int ret;

	path = read_path(source, file, text);
	/* It has gone, or is not set up */
	if (!path && (!errno || errno == ENOENT || errno == ENODEV))
		return 0;
	if (!path)
		ret = -errno;
	/* A gadget's medium may be out */
	else if (!*path || !is_enabled(file))
		return 0;
	else
		ret = source->number ? has_our_number(search, path) :
				       is_ours(search, path);
	if (!ret)
		return 0;
	if (ret > 0)
		snprintf(search->user, search->size, "%s, by %s",
			 text_clean(path), shown);
	else
		snprintf(search->user, search->size, "%s", shown);
	return ret;
}

/*
 * What was set up there stays when it is unmounted. A kernel without configfs has no
 * such folder.
 */
static int config_is_shown(const struct search *search)
{
	char path[PATH_MAX];
	struct statfs fs;

	snprintf(path, sizeof(path), "%s" CONFIG, search->root);
	if (statfs(path, &fs)) {
		if (errno == ENOENT)
			return 0;
		snprintf(search->user, search->size, CONFIG);
		return -errno;
	}
	if (fs.f_type == CONFIGFS_MAGIC)
		return 0;
	snprintf(search->user, search->size,
		 "configfs is not mounted, 'mount -t configfs none " CONFIG
		 "' does that");
	return -ENOENT;
}

/* Of glob(), to which nothing can be given */
static int glob_error;

static int on_error(const char *path, int err)
{
	(void)path;
	/* Most machines have none of these */
	if (err == ENOENT || err == ENOTDIR)
		return 0;
	glob_error = err;
	return 1;
}

int kernel_user(const char *root, const dev_t *devices, size_t nr, char *user,
		size_t size)
{
	struct search search = { root, devices, nr, user, size };
	char pattern[PATH_MAX];
	size_t i, j;
	glob_t files;
	int ret;

	ret = config_is_shown(&search);
	for (i = 0; !ret && i < ARRAY_SIZE(sources); i++) {
		snprintf(pattern, sizeof(pattern), "%s%s", root,
			 sources[i].files);
		ret = glob(pattern, 0, on_error, &files);
		if (ret == GLOB_NOMATCH) {
			ret = 0;
			continue;
		}
		if (ret) {
			snprintf(user, size, "%s", sources[i].files);
			ret = ret == GLOB_ABORTED ? -glob_error : -ENOMEM;
			break;
		}
		for (j = 0; !ret && j < files.gl_pathc; j++)
			ret = look_at(&search, &sources[i], files.gl_pathv[j]);
		globfree(&files);
	}
	return ret;
}

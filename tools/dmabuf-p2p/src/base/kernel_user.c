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

#include "kernel_user.h"
#include "sysfs_file.h"
#include "text.h"

#define CONFIG "/sys/kernel/config"

/* Files that tell what is open: alone, or behind some words */
static const struct source {
	const char *files;
	const char *words;
} sources[] = {
	{ "/sys/block/loop*/loop/backing_file", NULL },
	{ CONFIG "/nvmet/subsystems/*/namespaces/*/device_path", NULL },
	{ CONFIG "/nvmet/subsystems/*/passthru/device_path", NULL },
	{ CONFIG "/target/core/fileio_*/*/info", "File: " },
	{ CONFIG "/target/core/iblock_*/*/info", "UDEV PATH: " },
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
	char *path = text;
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
	path[strcspn(path, source->words ? " \n" : "\n")] = 0;
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

/*
 * By its name, as another mount namespace may have it elsewhere, and in /dev by its
 * number. Elsewhere the path may be a server's that does not answer.
 */
static int is_ours(const struct search *search, const char *path)
{
	const char *name = strrchr(path, '/');
	unsigned int major, minor;
	char full[PATH_MAX], text[32];
	struct statx st;

	if (name && sysfs_text(text, sizeof(text), search->root,
			       "/sys/class/block/%s/dev", name + 1) &&
	    sscanf(text, "%u:%u", &major, &minor) == 2)
		return is_one(search, makedev(major, minor));
	if (strncmp(path, "/dev/", 5))
		return 0;
	if (snprintf(full, sizeof(full), "%s%s", search->root, path) >= PATH_MAX)
		return -ENAMETOOLONG;
	if (statx(AT_FDCWD, full, AT_STATX_DONT_SYNC, STATX_TYPE, &st))
		return -errno;
	return S_ISBLK(st.stx_mode) || S_ISCHR(st.stx_mode) ?
		       is_one(search, makedev(st.stx_rdev_major, st.stx_rdev_minor)) :
		       0;
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
	ret = path ? is_ours(search, path) : -errno;
	if (!ret || !is_enabled(file))
		return 0;
	if (ret > 0)
		snprintf(search->user, search->size, "%s, by %s",
			 text_clean(path), shown);
	else
		snprintf(search->user, search->size, "%s", shown);
	return ret;
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
	int ret = 0;
	glob_t files;

	for (i = 0; !ret && i < sizeof(sources) / sizeof(sources[0]); i++) {
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

// SPDX-License-Identifier: GPL-2.0
/*
 * release, with a device that is made up and bound to vfio-pci: what is taken from
 * whom
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "opener.h"
#include "tap.h"
#include "verb.h"

#define ADDR "ffff:ff:1f.7"
#define DEVICE "/sys/bus/pci/devices/" ADDR "/"

extern const struct verb cmd_release;

/* What is found in /proc, and whether the device still has the driver */
static int found;
static bool bound;

/* What has a number, for which somebody is looked for, and its group */
static const char *node;
static const char *group;

int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);
ssize_t __real_readlink(const char *path, char *buf, size_t size);
ssize_t __wrap_readlink(const char *path, char *buf, size_t size);
bool __wrap_sysfs_text(char *text, size_t size, const char *root, const char *fmt, ...);
char **__wrap_sysfs_list(const char *root, const char *fmt, ...);
int __wrap_opener_find(const char *root, const dev_t *devices, size_t nr,
		       struct opener *opener);
int __wrap___sysfs_write(const char *path, const char *text);

int __wrap_access(const char *path, int mode)
{
	return strncmp(path, DEVICE, strlen(DEVICE)) ? __real_access(path, mode) : 0;
}

ssize_t __wrap_readlink(const char *path, char *buf, size_t size)
{
	const char *target = bound ? "../drivers/vfio-pci" : NULL;

	if (!strcmp(path, DEVICE "iommu_group"))
		target = group;
	else if (strcmp(path, DEVICE "driver"))
		return __real_readlink(path, buf, size);
	errno = ENOENT;
	if (!target)
		return -1;
	memcpy(buf, target, strlen(target));
	return (ssize_t)strlen(target);
}

bool __wrap_sysfs_text(char *text, size_t size, const char *root, const char *fmt, ...)
{
	char path[256];
	va_list list;

	(void)root;
	va_start(list, fmt);
	vsnprintf(path, sizeof(path), fmt, list);
	va_end(list);
	snprintf(text, size, "510:0");
	return node && !strcmp(path, node);
}

char **__wrap_sysfs_list(const char *root, const char *fmt, ...)
{
	char **names = calloc(2, sizeof(*names));

	(void)root;
	(void)fmt;
	if (names)
		names[0] = strdup("vfio0");
	return names;
}

int __wrap_opener_find(const char *root, const dev_t *devices, size_t nr,
		       struct opener *opener)
{
	(void)root;
	opener->pid = getpid();
	return nr == 1 && devices[0] == makedev(510, 0) ? found : 0;
}

int __wrap___sysfs_write(const char *path, const char *text)
{
	(void)text;
	if (strstr(path, "/unbind"))
		bound = false;
	return 0;
}

/* The device that there is has none */
static bool has_rule = true;

bool __wrap_bind_rule_exists(const char *folder, const char *addr);
int __wrap_bind_rule_remove(const char *folder, const char *addr);

bool __wrap_bind_rule_exists(const char *folder, const char *addr)
{
	(void)folder;
	return has_rule && !strcmp(addr, "ffff:fe:00.0");
}

int __wrap_bind_rule_remove(const char *folder, const char *addr)
{
	if (__wrap_bind_rule_exists(folder, addr))
		has_rule = false;
	return 0;
}

static int release_gone(const char *option)
{
	char *args[] = { (char *)"release", (char *)"ffff:fe:00.0", (char *)option, NULL };

	return cmd_release.run(option ? 3 : 2, args);
}

static int release(int what)
{
	char *args[] = { (char *)"release", (char *)ADDR, NULL };

	found = what;
	bound = true;
	return cmd_release.run(2, args);
}

int main(void)
{
	node = DEVICE "vfio-dev/vfio0/dev";
	tap_ok(release(1) == EXIT_FAILED && bound, "a process has it open");
	tap_ok(release(-EACCES) == EXIT_FAILED && bound,
	       "not all processes can be looked at");
	/* It says what it has done */
	printf("# ");
	tap_ok(release(0) == EXIT_OK && !bound, "nobody has it open");
	node = NULL;
	tap_ok(release(0) == EXIT_FAILED && bound, "it is not known what to look for");
	group = "../../../kernel/iommu_groups/5";
	node = "/sys/class/vfio/5/dev";
	tap_ok(release(1) == EXIT_FAILED && bound, "a process has its group open");
	node = "/sys/class/vfio/noiommu-5/dev";
	tap_ok(release(1) == EXIT_FAILED && bound, "or one without an IOMMU");
	printf("# ");
	tap_ok(release_gone("-n") == EXIT_OK && has_rule, "a device that is gone: --dry-run");
	printf("# ");
	tap_ok(release_gone(NULL) == EXIT_OK && !has_rule,
	       "it is not bound when it comes back");
	tap_ok(release_gone(NULL) == EXIT_FAILED, "one of which nothing is known");
	return tap_end();
}

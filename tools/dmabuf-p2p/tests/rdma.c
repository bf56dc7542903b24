// SPDX-License-Identifier: GPL-2.0
/*
 * Which RDMA device is meant, and what the engine makes of what a driver says of its port;
 * the devices are made up
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices/rdma.h"
#include "engine.h"
#include "messages.h"
#include "tap.h"
#include "tree.h"
#include "verb.h"

/* A machine with a hundred virtual functions, and some more */
#define NR_DEVICES 120
#define CLASS "/sys/class/infiniband_verbs"
#define NODES "/dev/infiniband"

static uint32_t max_msg_sz;
static int query_error, list_error, opendir_error;
static unsigned int open_now;
static struct ibv_device devices[NR_DEVICES];

DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);
ssize_t __real_readlink(const char *path, char *buf, size_t size);
ssize_t __wrap_readlink(const char *path, char *buf, size_t size);
int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);
int __real___sysfs_read(const char *path, char *buf, size_t size);
int __wrap___sysfs_read(const char *path, char *buf, size_t size);
int __wrap_device_named(const char *folder, const char *name, char addr[DEVICE_ADDR]);
struct ibv_device **__wrap_ibv_get_device_list(int *nr);
void __wrap_ibv_free_device_list(struct ibv_device **list);
struct ibv_context *__wrap_ibv_open_device(struct ibv_device *device);
int __wrap___rdma_open(struct rdma *rdma, const char *name);
void __wrap_rdma_close(struct rdma *rdma);
int __wrap___rdma_max_message(struct rdma *rdma, uint32_t *max);

/* What the kernel has is in the tree; one path at a time */
static const char *in_tree(const char *path)
{
	static char full[PATH_MAX];

	if (strncmp(path, CLASS, strlen(CLASS)) && strncmp(path, NODES, strlen(NODES)))
		return path;
	snprintf(full, sizeof(full), "%s%s", root, path);
	return full;
}

DIR *__wrap_opendir(const char *path)
{
	if (strcmp(path, CLASS) || !opendir_error)
		return __real_opendir(in_tree(path));
	errno = opendir_error;
	return NULL;
}

ssize_t __wrap_readlink(const char *path, char *buf, size_t size)
{
	return __real_readlink(in_tree(path), buf, size);
}

int __wrap_access(const char *path, int mode)
{
	return __real_access(in_tree(path), mode);
}

int __wrap___sysfs_read(const char *path, char *buf, size_t size)
{
	return __real___sysfs_read(in_tree(path), buf, size);
}

struct ibv_device **__wrap_ibv_get_device_list(int *nr)
{
	struct ibv_device **list = calloc(NR_DEVICES + 1, sizeof(*list));
	int i;

	if (list_error) {
		free(list);
		errno = list_error;
		return NULL;
	}
	for (i = 0; i < NR_DEVICES; i++)
		list[i] = &devices[i];
	if (nr)
		*nr = NR_DEVICES;
	return list;
}

void __wrap_ibv_free_device_list(struct ibv_device **list)
{
	free(list);
}

/* As udev has given them other names since libibverbs saw them, nothing has these */
static void make_devices(void)
{
	int i;

	for (i = 0; i < NR_DEVICES; i++) {
		struct ibv_device *dev = &devices[i];

		snprintf(dev->name, sizeof(dev->name), "another");
		snprintf(dev->dev_name, sizeof(dev->dev_name), "uverbs%d", i);
		snprintf(dev->dev_path, sizeof(dev->dev_path), "%s" CLASS "/uverbs%d", root, i);
		snprintf(dev->ibdev_path, sizeof(dev->ibdev_path),
			 "%s/sys/class/infiniband/another", root);
	}
	snprintf(devices[NR_DEVICES - 1].name, sizeof(devices->name), "made_up");
	link_to(CLASS "/uverbs119/device", "../../0000:03:00.0");
}

int __wrap_device_named(const char *folder, const char *name, char addr[DEVICE_ADDR])
{
	(void)folder;
	strcpy(addr, strcmp(name, "eth7") ? "0000:04:00.0" : "0000:03:00.0");
	return strcmp(name, "nobody") ? 0 : -ENOENT;
}

static int open_by(const char *name)
{
	struct engine engine;
	int ret = engine_open(&engine, name, false, false);

	engine_close(&engine);
	return ret;
}

int __wrap___rdma_open(struct rdma *rdma, const char *name)
{
	(void)name;
	memset(rdma, 0, sizeof(*rdma));
	open_now++;
	return 0;
}

void __wrap_rdma_close(struct rdma *rdma)
{
	(void)rdma;
	open_now--;
}

int __wrap___rdma_max_message(struct rdma *rdma, uint32_t *max)
{
	(void)rdma;
	*max = max_msg_sz;
	return query_error;
}

/* Return: the longest move, -1 if the engine is refused */
static int64_t max_of(uint32_t size, int err)
{
	struct engine engine;
	int64_t max = -1;
	int ret;

	max_msg_sz = size;
	query_error = err;
	ret = engine_open(&engine, "rdma:made_up", false, false);
	if (ret == EXIT_OK)
		max = (int64_t)engine.max;
	else if (ret != EXIT_UNSUPPORTED)
		max = -2;
	engine_close(&engine);
	return max;
}

/* What the kernel has and libibverbs does not list */
static void no_provider(void)
{
	file(CLASS "/abi_version", "6\n");
	file(CLASS "/uverbs200/ibdev", "strange0\n");
	link_to(CLASS "/uverbs200/device", "../../0000:05:00.0");
	file(NODES "/uverbs200", "");
	/* Who is in a container has not got all of them */
	file(CLASS "/uverbs201/ibdev", "elsewhere0\n");
	link_to(CLASS "/uverbs201/device", "../../0000:06:00.0");
}

static const char *asked;

static void ask(void)
{
	open_by(asked);
}

static bool says(const char *name, const char *what)
{
	char text[4096];

	asked = name;
	messages_of(ask, text, sizeof(text));
	return strstr(text, what);
}

/* As mlx5's does, with errno as it was */
static int poll_fails(struct ibv_cq *cq, int nr, struct ibv_wc *wc)
{
	(void)cq;
	(void)nr;
	(void)wc;
	return -2;
}

struct ibv_context *__wrap_ibv_open_device(struct ibv_device *device)
{
	(void)device;
	return NULL;
}

static int poll_after(int err)
{
	struct ibv_context context = { .ops.poll_cq = poll_fails };
	struct ibv_cq cq = { .context = &context };
	struct ibv_wc wc;

	errno = err;
	return __verbs_poll_cq(&cq, &wc);
}

static int open_after(int err)
{
	struct ibv_context *context;

	errno = err;
	return __verbs_open("made_up", &context);
}

int main(void)
{
	tree_begin();
	make_devices();
	tap_ok(max_of(1 << 20, 0) == 1 << 20, "messages of 1 MiB");
	tap_ok(max_of(1u << 31, 0) == 1u << 30, "of more than the engine wants");
	tap_ok(max_of(0, -EOPNOTSUPP) == 1u << 30, "a driver that does not say");
	tap_ok(max_of(0, 0) == -1 && !open_now, "messages of 0 bytes are refused");
	max_msg_sz = 4096;
	tap_ok(open_by("rdma:03:00.0") == EXIT_OK && open_by("rdma:0000:03:00.0") == EXIT_OK &&
		       open_by("rdma:eth7") == EXIT_OK, "by address, and by name of its interface");
	tap_ok(open_by("rdma:04:00.0") == EXIT_FAILED && open_by("rdma:eth8") == EXIT_FAILED &&
		       open_by("rdma:nobody") == EXIT_FAILED && !open_now, "others are others");
	tap_ok(poll_after(0) == -EIO && poll_after(EAGAIN) == -EIO,
	       "a provider that does not say why it fails to poll");
	tap_ok(open_after(0) == -EIO && open_after(ENOENT) == -EIO, "or to open");
	tap_ok(says("rdma:", "no such"), "no name is none, even if some have no address");
	no_provider();
	tap_ok(says("rdma:strange0", "has no provider") && says("rdma:05:00.0", "has no provider"),
	       "one of them has no provider");
	tap_ok(says("rdma:elsewhere0", "no such RDMA device") &&
		       says("rdma:06:00.0", "no such RDMA device"), "one has no node");
	opendir_error = EMFILE;
	tap_ok(says("rdma:strange0", "cannot list RDMA devices: Too many open files"),
	       "what the kernel has cannot be seen");
	list_error = ENOMEM;
	tap_ok(says("rdma:made_up", "cannot list RDMA devices: Cannot allocate memory"),
	       "libibverbs has no list");
	list_error = ENOSYS;
	opendir_error = ENOENT;
	tap_ok(says("rdma:made_up", "no such RDMA device\n  there is none"),
	       "without ib_uverbs there are none");
	tree_end();
	return tap_end();
}

// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys rdma dump
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: RDMA
 * Functionality: dumps of regions
 * Description: What RDMA's netlink tells anybody who asks of regions that are dma-bufs,
 *	as 'rdma resource show mr' does: while they are revoked, and while they come and go
 * Test category: functionality test
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/netlink.h>
#include <poll.h>
#include <rdma/rdma_netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "array.h"
#include "igt_core.h"
#include "pci.h"
#include "rdma.h"
#include "sysfs.h"
#include "worker.h"

#define BAR 2

/* More than a message of the kernel's has room for */
#define MANY 600u

static struct rdma_scene scene;

/**
 * struct region - a memory region as a dump shows it
 * @length: bytes
 * @rkey: its key
 * @pid: thread that has registered it, which is here the only one of its process
 */
struct region {
	uint64_t length;
	uint32_t rkey;
	uint32_t pid;
};

/*
 * Netlink, without a library: attributes have a header of 4 bytes, and begin at
 * multiples of that
 */

static bool next_attr(const char **at, size_t *left, struct nlattr *attr,
		      const void **data)
{
	size_t step;

	if (*left < NLA_HDRLEN)
		return false;
	memcpy(attr, *at, sizeof(*attr));
	if (attr->nla_len < NLA_HDRLEN || attr->nla_len > *left)
		return false;
	*data = *at + NLA_HDRLEN;
	step = NLA_ALIGN(attr->nla_len);
	if (step > *left)
		step = *left;
	*at += step;
	*left -= step;
	attr->nla_type &= NLA_TYPE_MASK;
	attr->nla_len = (uint16_t)(attr->nla_len - NLA_HDRLEN);
	return true;
}

/* What a message of a dump holds is for *take; returns 0 or -errno */
typedef int take_fn(const char *at, size_t left, void *arg);

static int dump_answer(int sock, take_fn *take, void *arg)
{
	static __thread char buf[65536] __attribute__((aligned(8)));
	struct pollfd pfd = { .fd = sock, .events = POLLIN };
	const struct nlmsghdr *msg;
	ssize_t got;
	size_t left;
	int ret;

	for (;;) {
		if (poll(&pfd, 1, PATIENCE_MS) != 1)
			return -ETIMEDOUT;
		got = recv(sock, buf, sizeof(buf), 0);
		if (got < 0)
			return -errno;
		left = (size_t)got;
		for (msg = (const void *)buf; NLMSG_OK(msg, left);
		     msg = NLMSG_NEXT(msg, left)) {
			if (msg->nlmsg_type == NLMSG_DONE)
				return *(const int *)NLMSG_DATA(msg);
			if (msg->nlmsg_type == NLMSG_ERROR)
				return ((const struct nlmsgerr *)NLMSG_DATA(msg))->error ?:
				       -EPROTO;
			ret = take(NLMSG_DATA(msg), NLMSG_PAYLOAD(msg, 0), arg);
			if (ret)
				return ret;
		}
	}
}

/* All objects of a kind, of the device with this index if the kind is of devices */
static int dump(unsigned int command, uint32_t index, take_fn *take, void *arg)
{
	struct {
		struct nlmsghdr msg;
		struct nlattr attr;
		uint32_t index;
	} request = {
		.msg.nlmsg_len = sizeof(request),
		.msg.nlmsg_type = RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, command),
		.msg.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		.attr.nla_len = NLA_HDRLEN + sizeof(index),
		.attr.nla_type = RDMA_NLDEV_ATTR_DEV_INDEX,
		.index = index,
	};
	int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_RDMA), ret;

	if (sock < 0)
		return -errno;
	if (send(sock, &request, sizeof(request), 0) == sizeof(request))
		ret = dump_answer(sock, take, arg);
	else
		ret = -errno;
	close(sock);
	return ret;
}

struct found {
	const char *name;
	uint32_t index;
	bool there;
};

static int take_device(const char *at, size_t left, void *arg)
{
	struct found *found = arg;
	struct nlattr attr;
	uint32_t index = 0;
	const void *data;
	bool same = false;

	while (next_attr(&at, &left, &attr, &data)) {
		if (attr.nla_type == RDMA_NLDEV_ATTR_DEV_INDEX)
			memcpy(&index, data, sizeof(index));
		else if (attr.nla_type == RDMA_NLDEV_ATTR_DEV_NAME)
			same = !strcmp(data, found->name);
	}
	if (same) {
		found->index = index;
		found->there = true;
	}
	return 0;
}

static uint32_t device_index(void)
{
	struct found found = { .name = scene.rdma.context->device->name };

	igt_assert_eq(dump(RDMA_NLDEV_CMD_GET, 0, take_device, &found), 0);
	igt_assert_f(found.there, "%s: netlink knows no such device\n", found.name);
	return found.index;
}

struct regions {
	struct region *at;
	size_t nr, room;
};

static void take_region(const char *at, size_t left, struct region *region)
{
	struct nlattr attr;
	const void *data;

	while (next_attr(&at, &left, &attr, &data)) {
		if (attr.nla_type == RDMA_NLDEV_ATTR_RES_MRLEN)
			memcpy(&region->length, data, sizeof(region->length));
		else if (attr.nla_type == RDMA_NLDEV_ATTR_RES_RKEY)
			memcpy(&region->rkey, data, sizeof(region->rkey));
		else if (attr.nla_type == RDMA_NLDEV_ATTR_RES_PID)
			memcpy(&region->pid, data, sizeof(region->pid));
	}
}

static int take_regions(const char *at, size_t left, void *arg)
{
	struct regions *regions = arg;
	const void *table, *entry;
	struct nlattr attr, one;
	size_t inside;

	while (next_attr(&at, &left, &attr, &table)) {
		if (attr.nla_type != RDMA_NLDEV_ATTR_RES_MR)
			continue;
		inside = attr.nla_len;
		while (next_attr((const char **)&table, &inside, &one, &entry)) {
			if (one.nla_type != RDMA_NLDEV_ATTR_RES_MR_ENTRY)
				continue;
			if (regions->nr == regions->room)
				return -ENOSPC;
			regions->at[regions->nr] = (struct region) { 0 };
			take_region(entry, one.nla_len, &regions->at[regions->nr++]);
		}
	}
	return 0;
}

/* Returns how many there are, or -errno */
static int __dump_regions(uint32_t index, struct region *at, size_t room)
{
	struct regions regions = { .at = at, .room = room };
	int ret = dump(RDMA_NLDEV_CMD_RES_MR_GET, index, take_regions, &regions);

	return ret ? ret : (int)regions.nr;
}

static size_t dump_regions(struct region *at, size_t room)
{
	int nr = __dump_regions(device_index(), at, room);

	igt_assert_f(nr >= 0, "a dump of the memory regions: %s\n", strerror(-nr));
	igt_assert_eq(nr, (int)rdma_regions());
	return (size_t)nr;
}

/* How often a dump has a region, each time as it is */
static unsigned int times_in(const struct region *at, size_t nr, const struct verbs_mr *mr)
{
	unsigned int times = 0;
	size_t i;

	for (i = 0; i < nr; i++) {
		if (at[i].rkey != mr->rkey)
			continue;
		igt_assert_eq_u64(at[i].length, mr->length);
		igt_assert_eq_u32(at[i].pid, (uint32_t)getpid());
		times++;
	}
	return times;
}

static void expect_times(const struct verbs_mr *mr, size_t nr, unsigned int times)
{
	struct region found[64];
	size_t nr_found = dump_regions(found, ARRAY_SIZE(found)), i;

	for (i = 0; i < nr; i++)
		igt_assert_eq(times_in(found, nr_found, &mr[i]), times);
	igt_assert_eq(times_in(found, nr_found, &scene.mem_mr), 1);
}

static void register_slices(int fd, struct verbs_mr *mr, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++)
		rdma_reg_dmabuf(&scene.rdma, fd, i * PAGE, (i + 1) * PAGE - i, &mr[i]);
}

/**
 * SUBTEST: regions
 * Description: A dump has each region once, with its length, in bytes, and the process:
 *	also while access is taken away, when it is back, and when the exporter has gone;
 *	and none that was deregistered
 */
static void regions(void)
{
	const struct vfio_region_dma_range range = { 0, MiB(1) };
	int fd = vfio_dmabuf(&scene.shm, BAR, &range, 1);
	struct verbs_mr mr[4];
	size_t i;

	register_slices(fd, mr, 4);
	expect_times(mr, 4, 1);
	vfio_memory_enable(&scene.shm, false);
	expect_times(mr, 4, 1);
	verbs_dereg_mr(&mr[0]);
	expect_times(mr, 1, 0);
	expect_times(mr + 1, 3, 1);
	vfio_memory_enable(&scene.shm, true);
	expect_times(mr + 1, 3, 1);
	close(fd);
	vfio_close(&scene.shm);
	expect_times(mr + 1, 3, 1);
	for (i = 1; i < 4; i++)
		verbs_dereg_mr(&mr[i]);
	expect_times(mr, 4, 0);
}

/**
 * SUBTEST: pinned
 * Description: The same of regions that are pinned, which a revoke ends
 */
static void pinned(void)
{
	const struct vfio_region_dma_range range = { 0, MiB(1) };
	int fd = vfio_dmabuf(&scene.shm, BAR, &range, 1);
	struct verbs_mr mr[2];

	rdma_pin(true);
	register_slices(fd, mr, 2);
	rdma_pin(false);
	close(fd);
	expect_times(mr, 2, 1);
	vfio_memory_enable(&scene.shm, false);
	expect_times(mr, 2, 1);
	verbs_dereg_mr(&mr[0]);
	vfio_memory_enable(&scene.shm, true);
	expect_times(mr, 1, 0);
	expect_times(mr + 1, 1, 1);
	verbs_dereg_mr(&mr[1]);
	expect_times(mr, 2, 0);
}

/**
 * SUBTEST: many
 * Description: 600 regions of one dma-buf, which take several messages: each is there
 *	once
 */
static void many(void)
{
	const struct vfio_region_dma_range range = { 0, MANY * PAGE };
	int fd = vfio_dmabuf(&scene.shm, BAR, &range, 1);
	struct region *found = calloc(MANY + 64, sizeof(*found));
	struct verbs_mr *mr = calloc(MANY, sizeof(*mr));
	size_t nr, i;

	igt_assert(found && mr);
	for (i = 0; i < MANY; i++)
		rdma_reg_dmabuf(&scene.rdma, fd, 0, (i + 1) * PAGE, &mr[i]);
	close(fd);
	nr = dump_regions(found, MANY + 64);
	for (i = 0; i < MANY; i++)
		igt_assert_eq(times_in(found, nr, &mr[i]), 1);
	for (i = 0; i < MANY; i++)
		verbs_dereg_mr(&mr[i]);
	expect_times(mr, 1, 0);
	free(found);
	free(mr);
}

/* Of a length that only those regions have which come and go */
#define FLEETING (3 * PAGE + 1)

static int storm_fd;
static uint32_t storm_index;
static struct verbs_mr kept;

/* The regions that stay are there, and what comes and goes is as it is, or not there */
static int dump_once(void)
{
	struct region found[64];
	unsigned int nr_kept = 0;
	int nr, i;

	nr = __dump_regions(storm_index, found, ARRAY_SIZE(found));
	if (nr < 0)
		return nr;
	for (i = 0; i < nr; i++) {
		/* The others are of a thread of its own, which is what the kernel tells */
		if (found[i].rkey == kept.rkey) {
			nr_kept++;
			if (found[i].length != kept.length ||
			    found[i].pid != (uint32_t)getpid())
				return -EBADMSG;
		} else if (found[i].rkey == scene.mem_mr.rkey) {
			if (found[i].length != scene.mem_mr.length)
				return -EBADMSG;
		} else if (found[i].length != FLEETING) {
			return -EBADMSG;
		}
	}
	return nr_kept == 1 ? 0 : -ENOENT;
}

static int come_and_go_once(void)
{
	struct verbs_mr mr;
	int ret = __rdma_reg_dmabuf(&scene.rdma, storm_fd, PAGE, FLEETING, &mr);

	return ret ? ret : __verbs_dereg_mr(&mr);
}

static int revoke_once(void)
{
	int ret = __vfio_memory_enable(&scene.shm, false), back;

	usleep(2000);
	back = __vfio_memory_enable(&scene.shm, true);
	/* Those that come and go would hardly ever come */
	usleep(5000);
	return ret ? ret : back;
}

/**
 * SUBTEST: storm
 * Description: Dumps while other threads register and deregister regions, and take
 *	access away and give it back: each comes to an end, has the region that stays, and
 *	of no other a wrong length; what was deregistered is in none that begins later
 */
static void storm(void)
{
	const struct vfio_region_dma_range range = { 0, MiB(1) };
	struct worker workers[] = {
		{ .name = "dump", .once = dump_once },
		{ .name = "come and go", .once = come_and_go_once, .allowed = -ENODEV },
		{ .name = "revoke", .once = revoke_once },
	};
	struct region found[64];
	size_t nr, i;

	storm_fd = vfio_dmabuf(&scene.shm, BAR, &range, 1);
	rdma_reg_dmabuf(&scene.rdma, storm_fd, 0, 5 * PAGE, &kept);
	storm_index = device_index();
	workers_run(workers, ARRAY_SIZE(workers), 3);
	close(storm_fd);
	nr = dump_regions(found, ARRAY_SIZE(found));
	for (i = 0; i < nr; i++)
		igt_assert(found[i].length != FLEETING);
	expect_times(&kept, 1, 1);
	verbs_dereg_mr(&kept);
	expect_times(&kept, 1, 0);
}

int igt_main()
{
	igt_fixture()
		rdma_scene_open(&scene);

	igt_subtest("regions") {
		rdma_scene_reset(&scene);
		regions();
	}

	igt_subtest("pinned") {
		rdma_scene_reset(&scene);
		pinned();
	}

	igt_subtest("many") {
		rdma_scene_reset(&scene);
		many();
	}

	igt_subtest("storm") {
		rdma_scene_reset(&scene);
		storm();
	}

	igt_fixture()
		rdma_scene_close(&scene);
}

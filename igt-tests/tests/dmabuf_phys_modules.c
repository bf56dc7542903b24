// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys modules
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: lifetime
 * Functionality: modules and probes
 * Description: Modules that are loaded, unloaded while something of theirs is still in
 *	use, and whose allocations fail one by one while they are loaded or given a device
 * Test category: functionality test
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "array.h"
#include "igt_core.h"
#include "memory.h"
#include "module.h"
#include "movable.h"
#include "pci.h"
#include "query.h"
#include "rdma.h"
#include "sg_importer.h"
#include "subtests.h"
#include "sweep.h"
#include "sysfs.h"

/* Of the modules, the first ones */
#define NR_DRIVERS 3
#define DRIVERS "/sys/bus/pci/drivers/"

/**
 * struct ours - a module that is tested alone
 * @name: as the kernel lists it
 * @sign: file that is there if and only if it is loaded
 * @driver: its PCI driver, if it has one
 * @device: variable with the device that driver can have
 * @node: in /dev, which only a bound device makes; may be NULL
 */
static const struct ours {
	const char *name;
	const char *sign;
	const char *driver;
	const char *device;
	const char *node;
} ours[] = {
	{ "dma_buf_movable", DRIVERS "dma-buf-movable", "dma-buf-movable",
	  "DMABUF_EXPORTER", "/dev/dma-buf-movable" },
	{ "dma_buf_edu", DRIVERS "dma-buf-edu", "dma-buf-edu", "DMABUF_EDU",
	  "/dev/dma-buf-edu" },
	{ "edu_ib", DRIVERS "edu_ib", "edu_ib", "DMABUF_EDU", NULL },
	{ "udmabuf", "/dev/udmabuf", NULL, NULL, NULL },
	/* The others need it: last */
	{ "dma_buf_phys", "/dev/dma_buf_phys", NULL, NULL, NULL },
};

/* What a failed subtest may have left open */
static int holder = -1, movable = -1, queries = -1, dmabuf = -1, module_fd = -1;
static struct rdma_scene scene;
static const char *device;

static bool there(const char *path)
{
	return !access(path, F_OK);
}

/* modprobe says no more than that it failed */
static int __unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

/* What uses the framework and holds nothing by itself */
static const char *const users[] = {
	"vfio_pci", "vfio_iommu_type1", "iommufd", "kvm_amd", "ib_uverbs", "ib_core",
};

static void load_users(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(users); i++)
		module_load(users[i]);
}

/*
 * The devices that a probe is swept for are enabled, so that it need not: ACPICA uses
 * what it has freed once one of its allocations has failed
 */
static void enable(bool on)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/enable", device);
	sysfs_write(path, on ? "1" : "0");
}

/* An open VFIO device would keep pci_restore() waiting for this program */
static void close_all(void)
{
	if (scene.iommufd > 0)
		rdma_scene_close(&scene);
	close_fd(&holder);
	close_fd(&movable);
	close_fd(&queries);
	close_fd(&dmabuf);
	close_fd(&module_fd);
	if (device) {
		__pci_unbind(device);
		enable(false);
	}
	device = NULL;
	pci_restore();
}

/* So that each goes alone */
static void unload_all(void)
{
	size_t i;

	close_all();
	for (i = 0; i < ARRAY_SIZE(ours) - 1; i++)
		if (there(ours[i].sign))
			module_unload(ours[i].name);
	for (i = 0; i < ARRAY_SIZE(users); i++)
		module_unload(users[i]);
	if (there("/dev/dma_buf_phys"))
		module_unload("dma_buf_phys");
	igt_assert(!there("/sys/kernel/debug/dma_buf_phys"));
}

static void expect_gone(const struct ours *m)
{
	igt_assert_f(!there(m->sign), "%s is there without %s\n", m->sign,
		     m->name);
	igt_assert(!m->node || !there(m->node));
}

static void expect_bound(const struct ours *m)
{
	char driver[64];

	igt_assert_f(there(m->sign), "%s is not there\n", m->sign);
	if (!m->driver)
		return;
	igt_assert_eq(__pci_driver(pci_env(m->device), driver, sizeof(driver)), 0);
	igt_assert_eq(strcmp(driver, m->driver), 0);
	igt_assert(!m->node || there(m->node));
}

/* With the device that it takes, if it is a driver's */
static void load(const struct ours *m)
{
	module_load(m->name);
	if (m->driver)
		pci_bind(pci_env(m->device), m->driver);
	expect_bound(m);
}

static const struct ours *m;

/**
 * SUBTEST: unload
 * Description: Each module unloaded with a device of its own: it leaves nothing, and
 *	has the device again as soon as it is loaded
 */
static void unloaded(void)
{
	int i;

	for (i = 0; i < 3; i++) {
		load(m);
		igt_assert_eq(__unload(m->name), 0);
		expect_gone(m);
	}
	module_load(m->name);
	expect_bound(m);
}

static int edu_file(void)
{
	return sg_open();
}

static int movable_buffer(void)
{
	int fd;

	movable = movable_open();
	fd = movable_create(movable, 2 * PAGE);
	close_fd(&movable);
	return fd;
}

static int memory_buffer(void)
{
	int memfd = sealed_memfd(PAGE), fd = __udmabuf(memfd, 0, PAGE);

	close(memfd);
	return fd;
}

static const struct holder {
	const char *name;
	const char *module;
	int (*open)(void);
} holders[] = {
	{ "importer", "dma_buf_edu", edu_file },
	{ "movable-file", "dma_buf_movable", movable_open },
	{ "movable-dmabuf", "dma_buf_movable", movable_buffer },
	{ "udmabuf", "udmabuf", memory_buffer },
	{ "query", "dma_buf_phys", query_open },
};

static const struct ours *find(const char *name)
{
	size_t i;

	for (i = 0; strcmp(ours[i].name, name); i++)
		;
	return &ours[i];
}

/**
 * SUBTEST: held
 * Description: A file or a dma-buf keeps the module that made it, until it is closed
 */
static void held(const struct holder *h)
{
	int other;

	unload_all();
	load(find(h->module));
	holder = h->open();
	igt_assert_fd(holder);
	igt_assert_eq(__unload(h->module), -EWOULDBLOCK);
	/* It goes on as if nobody had asked */
	other = h->open();
	igt_assert_fd(other);
	close(other);
	close_fd(&holder);
	igt_assert_eq(__unload(h->module), 0);
	expect_gone(find(h->module));
}

/**
 * SUBTEST: rdma-in-use
 * Description: The RDMA driver unloaded under a program that has a region of a dma-buf:
 *	the region goes with the device, the dma-buf stays; loaded again it serves again
 */
static void rdma_in_use(void)
{
	static const struct vfio_region_dma_range range = { 0, 4 * PAGE };
	struct dma_buf_phys_query q = { .flags = 0 };
	struct rdma_target target;

	close_all();
	load_users();
	rdma_scene_open(&scene);
	queries = query_open();
	dmabuf = vfio_dmabuf(&scene.shm, 2, &range, 1);
	rdma_reg_dmabuf(&scene.rdma, dmabuf, 0, range.length, &target.mr);
	query(queries, dmabuf, &q);
	igt_assert_eq_u32(q.nr_mapped, 1);
	igt_assert_eq(__unload("edu_ib"), 0);
	query(queries, dmabuf, &q);
	igt_assert_eq_u32(q.state, DMA_BUF_PHYS_QUERY_LIVE);
	igt_assert_eq_u32(q.nr_importers, 0);
	rdma_close(&scene.rdma);

	module_load("edu_ib");
	rdma_scene_reset(&scene);
	rdma_target_open(&scene, &target, &range, 1);
	guard_fill(scene.bar, 0, 8 * PAGE);
	rdma_scene_both(&scene, &target, PAGE - 100, 2 * PAGE);
	guard_check(scene.bar, 0, 8 * PAGE);
	rdma_target_close(&target);
}

static void open_module(const char *name)
{
	char command[128], line[512], path[256] = "";
	FILE *list;

	snprintf(command, sizeof(command), "modprobe --show-depends %s", name);
	list = popen(command, "r");
	igt_assert(list);
	/* What it needs comes before it */
	while (fgets(line, sizeof(line), list))
		sscanf(line, "insmod %255s", path);
	pclose(list);
	module_fd = open(path, O_RDONLY | O_CLOEXEC);
	igt_assert_f(module_fd >= 0, "cannot open '%s' of %s\n", path, name);
}

static int load_go(void)
{
	if (!syscall(SYS_finit_module, module_fd, "", 0))
		return 0;
	/* What module_add_driver() says without memory for the folder of drivers */
	return errno == EINVAL ? -ENOMEM : -errno;
}

static void load_undo(int result)
{
	(void)result;
	igt_assert(there(m->sign));
	igt_assert_eq(__unload(m->name), 0);
	expect_gone(m);
}

static void gone(void)
{
	expect_gone(m);
}

/**
 * SUBTEST: load-fails
 * Description: Each module loaded with the n-th allocation failing, but for the framework:
 *	without memory for the fields of a trace event the kernel warns
 */
static void load_fails(void)
{
	const struct sweep_op op = {
		.go = load_go, .undo = load_undo, .failed = gone };

	load(m);
	pci_restore();
	igt_assert_eq(__unload(m->name), 0);
	open_module(m->name);
	sweep_over(&op);
	close_fd(&module_fd);
}

static int probe_go(void)
{
	char path[128];
	int ret;

	snprintf(path, sizeof(path), DRIVERS "%s/bind", m->driver);
	ret = __sysfs_write(path, device);
	/* What the PCI core says without memory for a region, or for what maps it */
	return ret == -EBUSY || ret == -EINVAL ? -ENOMEM : ret;
}

static void probe_undo(int result)
{
	(void)result;
	igt_assert(!m->node || there(m->node));
	igt_assert_eq(__pci_unbind_from(device, m->driver), 0);
}

static void probe_failed(void)
{
	char driver[64];

	igt_assert_eq(__pci_driver(device, driver, sizeof(driver)), -ENOENT);
	igt_assert(!m->node || !there(m->node));
}

/**
 * SUBTEST: probe-fails
 * Description: Each driver given its device with the n-th allocation failing
 */
static void probe_fails(void)
{
	const struct sweep_op op = {
		.go = probe_go, .undo = probe_undo, .failed = probe_failed };

	load(m);
	igt_assert_eq(__pci_unbind_from(pci_env(m->device), m->driver), 0);
	device = pci_env(m->device);
	enable(true);
	sweep_over(&op);
	igt_assert_eq(probe_go(), 0);
	probe_undo(0);
}

/* Each by itself */
static void each(const struct ours *first, const struct ours *end, void (*fn)(void))
{
	for (m = first; m < end; m++)
		igt_dynamic(m->name) {
			unload_all();
			fn();
		}
}

int igt_main()
{
	static size_t i;

	igt_fixture() {
		pci_env("DMABUF_EXPORTER");
		for (i = 0; i < ARRAY_SIZE(ours); i++)
			module_require(ours[i].name);
	}

	igt_subtest_with_dynamic("unload")
		each(ours, ours + ARRAY_SIZE(ours), unloaded);

	igt_subtest_with_dynamic("held")
		for (i = 0; i < ARRAY_SIZE(holders); i++)
			igt_dynamic(holders[i].name)
				held(&holders[i]);

	igt_subtest("rdma-in-use")
		rdma_in_use();

	igt_subtest_with_dynamic("load-fails") {
		sweep_require();
		each(ours, ours + ARRAY_SIZE(ours) - 1, load_fails);
	}

	igt_subtest_with_dynamic("probe-fails") {
		sweep_require();
		each(ours, ours + NR_DRIVERS, probe_fails);
	}

	igt_fixture() {
		close_all();
		load_users();
	}
}

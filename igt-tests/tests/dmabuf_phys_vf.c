// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys vf
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: revoke
 * Functionality: SR-IOV
 * Description: dma-bufs of virtual functions, whose memory is a part of the PF's and is
 *	switched on there, and of a PF whose virtual functions come and go
 * Test category: functionality test
 */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cpu_access.h"
#include "igt_core.h"
#include "iommufd.h"
#include "module.h"
#include "pci.h"
#include "plug.h"
#include "query.h"
#include "scene.h"
#include "subtests.h"
#include "sysfs.h"
#include "vfio_group.h"
#include "vtd.h"

/* All of a function's BAR0 */
#define SIZE (4 * PAGE)

/* Its table of MSI-X, which is memory also of a VF that no driver has brought to life */
#define TABLE (2 * PAGE)

#define AUTOPROBE "/sys/bus/pci/drivers_autoprobe"
#define ENABLE_SRIOV "/sys/module/vfio_pci/parameters/enable_sriov"
#define TOKEN "b6b0ad0c-1e6b-4a6e-9d7e-3b7d1c6a5f10"

/* A function that exports its BAR, which is mapped for @importer and for the CPU */
struct function {
	struct vfio_group vfio;
	int dmabuf;
	uint8_t *map;
	uint64_t start;
	uint64_t iova;
};

#define CLOSED { .vfio = { .fd = -1, .dev.fd = -1 }, .dmabuf = -1 }

static struct function vf[2] = { CLOSED, CLOSED }, physical = CLOSED;
static const char *pf, *importer;
static int questions, config, iommufd = -1;
static uint32_t ioas;
static off_t sriov;

static void pf_file(const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", pf, file);
	sysfs_write(path, text);
}

static uint64_t pf_bar(off_t at)
{
	uint64_t bar;

	igt_assert_eq((int)pread(config, &bar, 8, at), 8);
	return bar & ~0xfull;
}

static uint16_t read_sriov(off_t at)
{
	uint16_t value;

	igt_assert_eq((int)pread(config, &value, 2, sriov + at), 2);
	return value;
}

static void write_sriov(off_t at, uint16_t value)
{
	igt_assert_eq((int)pwrite(config, &value, 2, sriov + at), 2);
}

/* The kernel has done so; QEMU forgets how many there were when there are none any more */
static void switch_vfs_on(void)
{
	write_sriov(PCI_SRIOV_NUM_VF, 2);
	write_sriov(PCI_SRIOV_CTRL, read_sriov(PCI_SRIOV_CTRL) |
				    PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE);
}

static void vf_addr(int i, char *addr, size_t size)
{
	char path[128], target[PATH_MAX];
	ssize_t len;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/virtfn%d", pf, i);
	len = readlink(path, target, sizeof(target) - 1);
	igt_assert_f(len > 0, "%s: it has no VF %d\n", pf, i);
	target[len] = 0;
	snprintf(addr, size, "%s", basename(target));
}

static void close_function(struct function *f)
{
	if (f->map)
		munmap(f->map, SIZE);
	f->map = NULL;
	close_fd(&f->dmabuf);
	group_close(&f->vfio);
}

/*
 * When a VF is closed that does not answer, the kernel resets the slot instead, and the PF
 * in it loses its BAR
 */
static void close_all(void)
{
	if (vf[0].vfio.dev.fd >= 0 || vf[1].vfio.dev.fd >= 0)
		switch_vfs_on();
	close_function(&vf[0]);
	close_function(&vf[1]);
	close_function(&physical);
	close_fd(&iommufd);
}

/* An open VF would keep its removal waiting for this program */
static void begin(const char *driver)
{
	close_all();
	pf_file("sriov_numvfs", "0");
	pci_bind(pf, driver);
	iommufd = iommufd_open();
	ioas = ioas_alloc(iommufd);
}

static void export_bar(struct function *f, uint64_t start, uint64_t iova)
{
	struct vfio_device *dev = &f->vfio.dev;

	igt_assert_eq_u64(dev->region[0].size, SIZE);
	vfio_map_bar(dev, 0);
	f->start = start;
	f->iova = iova;
	f->dmabuf = vfio_dmabuf_one(dev, 0, 0, SIZE);
	f->map = cpu_map(f->dmabuf, NULL, SIZE, 0);
	ioas_map_file(iommufd, ioas, f->dmabuf, 0, SIZE, iova);
}

static void export_vfs(uint64_t iova)
{
	uint64_t start = pf_bar(sriov + PCI_SRIOV_BAR);

	export_bar(&vf[0], start, iova);
	export_bar(&vf[1], start + SIZE, iova + MiB(1));
}

/* Two VFs of a PF that the kernel has, for the second to reach for both */
static void open_vfs(void)
{
	char addr[16];
	int i;

	pf_file("sriov_numvfs", "2");
	for (i = 0; i < 2; i++) {
		vf_addr(i, addr, sizeof(addr));
		vfio_open(&vf[i].vfio.dev, addr, iommufd);
	}
	vfio_attach(&vf[1].vfio.dev, ioas);
	importer = vf[1].vfio.dev.addr;
}

static void begin_vfs(void)
{
	begin("nvme");
	open_vfs();
	export_vfs(BASE);
}

/* A PF that VFIO has takes its token from who opens it, and then wants it for its VFs */
static void open_with_token(struct function *f, const char *addr)
{
	char name[80];

	igt_assert_eq(__group_open(&f->vfio, addr, iommufd), 0);
	snprintf(name, sizeof(name), "%s vf_token=" TOKEN, addr);
	f->vfio.dev.fd = ioctl(f->vfio.fd, VFIO_GROUP_GET_DEVICE_FD, name);
	igt_assert_f(f->vfio.dev.fd >= 0, "cannot open '%s': %s\n", name, strerror(errno));
	igt_assert_eq(__vfio_read_regions(&f->vfio.dev), 0);
	vfio_enable(&f->vfio.dev);
}

/* A PF that VFIO has, without VFs; it reaches for its own BAR */
static void begin_pf(void)
{
	begin("vfio-pci");
	/* Where devices get to that are opened by their groups */
	igt_assert_eq(__vfio_compat_set_ioas(iommufd, ioas), 0);
	open_with_token(&physical, pf);
	importer = pf;
	export_bar(&physical, pf_bar(PCI_BASE_ADDRESS_0), BASE + MiB(2));
}

static uint32_t state_of(int dmabuf)
{
	struct dma_buf_phys_query answer;

	query(questions, dmabuf, &answer);
	return answer.state;
}

/* Counts revokes and restores */
static uint64_t generation(const struct function *f)
{
	struct dma_buf_phys_query answer;

	query(questions, f->dmabuf, &answer);
	return answer.generation;
}

static void expect_mapped(const struct function *f, uint64_t at)
{
	struct vtd_entry entry;

	vtd_lookup(importer, f->iova + at, &entry);
	igt_assert_f(entry.present, "%s: not mapped\n", f->vfio.dev.addr);
	igt_assert_eq_u64(entry.paddr, f->start + at);
}

static void expect_given(const struct function *f)
{
	wait_restored();
	igt_assert_eq_u32(state_of(f->dmabuf), DMA_BUF_PHYS_QUERY_LIVE);
	expect_mapped(f, 0);
	expect_mapped(f, SIZE - PAGE);
	igt_assert(cpu_reachable(f->map + TABLE));
}

static void expect_live(const struct function *f)
{
	expect_given(f);
	cpu_both_ways(f->map + TABLE, (uint8_t *)f->vfio.dev.map[0] + TABLE);
}

static void expect_state(const struct function *f, uint32_t state)
{
	igt_assert_eq_u32(state_of(f->dmabuf), state);
	igt_assert(!vtd_mapped(importer, f->iova));
	igt_assert(!vtd_mapped(importer, f->iova + SIZE - PAGE));
	igt_assert(!cpu_reachable(f->map + TABLE));
}

static void expect_away(const struct function *f)
{
	expect_state(f, DMA_BUF_PHYS_QUERY_REVOKED);
}

static void expect_dead(const struct function *f)
{
	expect_state(f, DMA_BUF_PHYS_QUERY_DEAD);
}

/* Upon which VFIO looks whether the memory can be reached */
static void event(struct function *f)
{
	igt_assert_eq(__vfio_memory_enable(&f->vfio.dev, true), 0);
}

/* Also once VFIO has looked, should it not have been told of something */
static void expect_vfs_live(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		event(&vf[i]);
		expect_live(&vf[i]);
	}
}

/**
 * SUBTEST: export
 * Description: Each VF's dma-buf is its part of the PF's memory for VFs, to a device and to
 *	the CPU, a slice is where it should be, and neither VF gets what is the other's
 */
static void export_both(void)
{
	uint8_t *bar[2], *slice;
	int i, fd;

	begin_vfs();
	for (i = 0; i < 2; i++) {
		expect_live(&vf[i]);
		bar[i] = (uint8_t *)vf[i].vfio.dev.map[0] + TABLE;
	}
	cpu_store(bar[0], 0x1111);
	cpu_store(bar[1], 0x2222);
	igt_assert_eq_u64(cpu_load(vf[0].map + TABLE), 0x1111);
	igt_assert_eq_u64(cpu_load(vf[1].map + TABLE), 0x2222);

	fd = vfio_dmabuf_one(&vf[1].vfio.dev, 0, TABLE, PAGE);
	slice = cpu_map(fd, NULL, PAGE, 0);
	cpu_both_ways(slice, bar[1]);
	igt_assert_eq_u64(cpu_load(bar[0]), 0x1111);
	munmap(slice, PAGE);
	close(fd);
}

/**
 * SUBTEST: control-memory
 * Description: Root switches the memory of all VFs off in the PF's SR-IOV control, of which
 *	VFIO is not told: with the next event of each VF its dma-bufs are away, old and new
 *	ones, and with the next after it is on again they are back
 *
 * SUBTEST: control-enable
 * Description: The same with the bit that makes the VFs answer at all
 */
static void control(uint16_t bit)
{
	int i, again;

	begin_vfs();
	expect_vfs_live();
	write_sriov(PCI_SRIOV_CTRL, read_sriov(PCI_SRIOV_CTRL) & ~bit);
	for (i = 0; i < 2; i++) {
		event(&vf[i]);
		expect_away(&vf[i]);
	}
	again = vfio_dmabuf_one(&vf[0].vfio.dev, 0, 0, SIZE);
	igt_assert_eq_u32(state_of(again), DMA_BUF_PHYS_QUERY_REVOKED);
	close(again);
	switch_vfs_on();
	expect_vfs_live();
}

/**
 * SUBTEST: command
 * Description: A VF's user switches memory off and on in the command register that VFIO
 *	makes up, and that switches nothing: the dma-buf is revoked while VFIO handles the
 *	write of off, and lives afterwards. The other VF's is left alone
 */
static void command(void)
{
	uint64_t first, second;

	begin_vfs();
	first = generation(&vf[0]);
	second = generation(&vf[1]);
	vfio_memory_enable(&vf[0].vfio.dev, false);
	igt_assert_eq_u64(generation(&vf[0]), first + 2);
	/* In QEMU a VF does have that bit, so there are no bytes now */
	expect_given(&vf[0]);
	vfio_memory_enable(&vf[0].vfio.dev, true);
	igt_assert_eq_u64(generation(&vf[0]), first + 2);
	expect_live(&vf[0]);
	igt_assert_eq_u64(generation(&vf[1]), second);
	expect_live(&vf[1]);
}

/**
 * SUBTEST: power
 * Description: A VF in D3hot, and one in low power: its dma-bufs are away for as long, and
 *	not those of the other one
 */
static void power(void)
{
	struct vfio_device *dev = &vf[0].vfio.dev;

	begin_vfs();
	igt_assert_eq(__vfio_set_power(dev, 3), 0);
	expect_away(&vf[0]);
	expect_live(&vf[1]);
	igt_assert_eq(__vfio_set_power(dev, 0), 0);
	expect_live(&vf[0]);

	igt_assert_eq(__vfio_low_power(dev, -1), 0);
	expect_away(&vf[0]);
	expect_live(&vf[1]);
	igt_assert_eq(__vfio_low_power_exit(dev), 0);
	expect_live(&vf[0]);
	expect_live(&vf[1]);
}

static void reset_by_sysfs(const struct vfio_device *dev)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", dev->addr);
	sysfs_write(path, "1");
}

/**
 * SUBTEST: reset
 * Description: A VF is reset in each way: its dma-buf is revoked for that and lives again
 *	afterwards, and the other VF's is left alone
 */
static void reset(void)
{
	struct vfio_device *dev = &vf[0].vfio.dev;
	uint64_t first, second;

	begin_vfs();
	first = generation(&vf[0]);
	second = generation(&vf[1]);
	igt_assert_eq(__vfio_flr(dev), 0);
	expect_live(&vf[0]);
	igt_assert_eq_u64(generation(&vf[0]), first + 2);
	igt_assert_eq(__vfio_reset(dev), 0);
	expect_live(&vf[0]);
	igt_assert_eq_u64(generation(&vf[0]), first + 4);
	reset_by_sysfs(dev);
	expect_live(&vf[0]);
	igt_assert_eq_u64(generation(&vf[0]), first + 6);
	igt_assert_eq_u64(generation(&vf[1]), second);
	expect_live(&vf[1]);
}

static void *disable_thread(void *result)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/sriov_numvfs", pf);
	*(int *)result = __sysfs_write(path, "0");
	return NULL;
}

/* The kernel removes one VF after the other, each when its user has closed it */
static void disable_vfs(void)
{
	/* Outlives a failure here, after which the thread goes on once the VFs are closed */
	static int result;
	int i, request[2];
	pthread_t thread;

	result = 1;
	for (i = 0; i < 2; i++)
		request[i] = plug_watch(&vf[i].vfio.dev);
	igt_assert(!pthread_create(&thread, NULL, disable_thread, &result));
	for (i = 0; i < 2; i++) {
		plug_wait_asked(request[i], vf[i].vfio.dev.addr);
		expect_live(&vf[i]);
		vfio_close(&vf[i].vfio.dev);
		expect_dead(&vf[i]);
		close(request[i]);
	}
	igt_assert(!pthread_join(thread, NULL));
	igt_assert_eq(result, 0);
}

/**
 * SUBTEST: disable
 * Description: VFs are disabled while their dma-bufs are mapped: each lives until the
 *	kernel has been given its VF, and is dead from then on, also when there are VFs again
 *	in the same place, whose own dma-bufs live
 */
static void disable(void)
{
	struct function old[2];
	int i;

	begin_vfs();
	disable_vfs();
	for (i = 0; i < 2; i++) {
		old[i] = vf[i];
		vf[i] = (struct function)CLOSED;
	}
	open_vfs();
	export_vfs(BASE + MiB(4));
	for (i = 0; i < 2; i++) {
		expect_live(&vf[i]);
		igt_assert_eq_u64(vf[i].start, old[i].start);
		expect_dead(&old[i]);
		close_function(&old[i]);
	}
}

/**
 * SUBTEST: pf-in-d3
 * Description: SR-IOV is enabled on a PF that its user has in D3hot: that wakes it up, and
 *	its dma-buf is back. It stays in D0 while there are VFs, and may leave it afterwards
 */
static void pf_in_d3(void)
{
	struct vfio_device *dev = &physical.vfio.dev;
	uint64_t before;

	begin_pf();
	expect_live(&physical);
	igt_assert_eq(__vfio_set_power(dev, 3), 0);
	expect_away(&physical);
	pf_file("sriov_numvfs", "2");
	expect_live(&physical);

	before = generation(&physical);
	/* VFIO refuses it, and does not say so */
	igt_assert_eq(__vfio_set_power(dev, 3), 0);
	expect_live(&physical);
	igt_assert_eq_u64(generation(&physical), before + 2);

	pf_file("sriov_numvfs", "0");
	expect_live(&physical);
	igt_assert_eq_u64(generation(&physical), before + 2);
	igt_assert_eq(__vfio_set_power(dev, 3), 0);
	expect_away(&physical);
	igt_assert_eq(__vfio_set_power(dev, 0), 0);
	expect_live(&physical);
}

/* A PF that VFIO has, and so has its VFs; the PF reaches for all */
static void begin_pf_and_vfs(void)
{
	char addr[16];
	int i;

	begin_pf();
	pf_file("sriov_numvfs", "2");
	for (i = 0; i < 2; i++) {
		vf_addr(i, addr, sizeof(addr));
		open_with_token(&vf[i], addr);
	}
	export_vfs(BASE);
	expect_live(&physical);
	expect_vfs_live();
}

/**
 * SUBTEST: pf-user
 * Description: Who has the PF switches its memory off and tries to put it into D3hot, and
 *	its VFs are disabled: each dma-buf goes by what is done to its own function
 */
static void pf_user(void)
{
	struct vfio_device *dev = &physical.vfio.dev;

	begin_pf_and_vfs();
	vfio_memory_enable(dev, false);
	expect_away(&physical);
	expect_vfs_live();
	igt_assert_eq(__vfio_set_power(dev, 3), 0);
	expect_away(&physical);
	expect_vfs_live();
	vfio_memory_enable(dev, true);
	expect_live(&physical);
	expect_vfs_live();
	disable_vfs();
	expect_live(&physical);
}

/* By a register that VFIO does not make up */
static bool answers(struct function *f)
{
	uint32_t class;

	igt_assert_eq(__vfio_config_read(&f->vfio.dev, PCI_CLASS_REVISION, 4, &class), 0);
	return class != UINT32_MAX;
}

/*
 * With the PF's reset the VFs are gone, and the kernel makes the PF's registers what they
 * were. But QEMU 7.2 leaves VF enable set for it to find, and has no VFs.
 */
static void expect_vfs_after_reset(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		event(&vf[i]);
		if (!answers(&vf[i]))
			expect_away(&vf[i]);
	}
	switch_vfs_on();
	expect_vfs_live();
}

/**
 * SUBTEST: pf-reset
 * Description: Who has the PF resets it, and closes it. Its own dma-buf is revoked for that,
 *	and dead then. Those of VFs that no longer answer are away with the next event, and
 *	back with the next after they do
 */
static void pf_reset(void)
{
	struct vfio_device *dev = &physical.vfio.dev;
	uint64_t before;

	begin_pf_and_vfs();
	before = generation(&physical);
	igt_assert_eq(__vfio_reset(dev), 0);
	expect_live(&physical);
	igt_assert_eq_u64(generation(&physical), before + 2);
	expect_vfs_after_reset();

	importer = vf[1].vfio.dev.addr;
	vfio_close(dev);
	expect_dead(&physical);
	expect_vfs_after_reset();
}

static void put_back(int sig)
{
	(void)sig;
	__sysfs_write(AUTOPROBE, "1");
	__sysfs_write(ENABLE_SRIOV, "0");
}

static void open_machine(void)
{
	cpu_access_init();
	questions = query_open();
	pf = pci_env("DMABUF_NVME");
	config = pci_config_open(pf);
	sriov = pci_ext_cap(config, PCI_EXT_CAP_ID_SRIOV);
	igt_require_f(sriov, "%s: it has no SR-IOV: try --topology sriov\n", pf);
	module_load("vfio-pci");
	pci_load_driver("nvme");
	igt_install_exit_handler(put_back);
	sysfs_write(ENABLE_SRIOV, "1");
	/* While the kernel tries a driver on a new VF, nobody can bind it to another one */
	sysfs_write(AUTOPROBE, "0");
}

int igt_main()
{
	static const struct subtest tests[] = {
		{ "export", export_both },
		{ "command", command },
		{ "power", power },
		{ "reset", reset },
		{ "disable", disable },
		{ "pf-in-d3", pf_in_d3 },
		{ "pf-user", pf_user },
		{ "pf-reset", pf_reset },
	};

	igt_fixture()
		open_machine();

	igt_subtest("control-memory")
		control(PCI_SRIOV_CTRL_MSE);

	igt_subtest("control-enable")
		control(PCI_SRIOV_CTRL_VFE);

	subtests(tests, NULL, NULL);

	igt_fixture() {
		close_all();
		pf_file("sriov_numvfs", "0");
		put_back(0);
		close(config);
		close(questions);
	}
}

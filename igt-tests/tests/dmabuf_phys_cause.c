// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys cause
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: revoke
 * Functionality: causes of a revoke
 * Description: Everything that takes a device's memory away, alone and by twos, and
 *	after it everything that may give it back
 * Test category: functionality test
 */
#include <dirent.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "array.h"
#include "cpu_access.h"
#include "igt_core.h"
#include "klog.h"
#include "monitor.h"
#include "pci.h"
#include "pci_decode.h"
#include "query.h"
#include "scene.h"
#include "sysfs.h"
#include "vtd.h"

/*
 * The exporter has FLR, D3hot and an upstream port that reports errors. After
 * each step what the framework, the IOMMU's and the CPU's tables and a new export
 * say is held against the registers. Nothing else is expected of a step, so that
 * no combination has to be thought through here.
 */
#define PORT "rp2"
#define SIZE (4 * PAGE)
#define DEADLINE 20000

static struct scene scene;
static struct vfio_device dev;
static const char *edu;
static int questions, wakeup, fd = -1;
static uint64_t *map;

/* Low power that the program has asked for, and nothing has ended since */
static bool low_power, low_power_wakes;

/* Where to look for the sign that an error has been dealt with */
static int klog;

static void device_file(const char *file, const char *text)
{
	char path[160];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", dev.addr,
		 file);
	sysfs_write(path, text);
}

/* Anything that is done with the device ends low power with wake-up */
static void touched(void)
{
	if (low_power_wakes)
		low_power = low_power_wakes = false;
}

static void set_command(unsigned int size, uint32_t value)
{
	uint32_t dword = value;

	/* Zeros clear nothing in the status register */
	igt_assert_eq(__vfio_config_write(&dev, PCI_COMMAND, size, dword), 0);
	touched();
}

static void command_byte(void)
{
	set_command(1, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void command_word(void)
{
	set_command(2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void command_dword(void)
{
	set_command(4, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void command_high_byte(void)
{
	igt_assert_eq(__vfio_config_write(&dev, PCI_COMMAND + 1, 1, 0), 0);
	touched();
}

static void memory_off(void)
{
	set_command(2, PCI_COMMAND_MASTER);
}

static void d0(void)
{
	igt_assert_eq(__vfio_set_power(&dev, 0), 0);
	touched();
}

static void d3(void)
{
	igt_assert_eq(__vfio_set_power(&dev, 3), 0);
	touched();
}

static void config_read(void)
{
	uint32_t value;

	igt_assert_eq(__vfio_config_read(&dev, PCI_VENDOR_ID, 2, &value), 0);
	touched();
}

static void enter_low_power(int eventfd)
{
	int ret;

	touched();
	ret = __vfio_low_power(&dev, eventfd);
	if (low_power) {
		igt_assert_eq(ret, -EINVAL);
		return;
	}
	igt_assert_eq(ret, 0);
	low_power = true;
	low_power_wakes = eventfd >= 0;
}

static void low_power_entry(void)
{
	enter_low_power(-1);
}

static void low_power_with_wakeup(void)
{
	enter_low_power(wakeup);
}

static void low_power_exit(void)
{
	igt_assert_eq(__vfio_low_power_exit(&dev), 0);
	low_power = low_power_wakes = false;
}

static uint32_t state_of(int dmabuf)
{
	struct dma_buf_phys_query query_arg;

	query(questions, dmabuf, &query_arg);
	return query_arg.state;
}

/* Recovery does not wait for importers: access is taken or restored beside it */
static void settle(void)
{
	uint64_t deadline = now_ms() + DEADLINE;

	while ((state_of(fd) == DMA_BUF_PHYS_QUERY_LIVE) != !pci_decodes(dev.addr) &&
	       now_ms() < deadline)
		usleep(20000);
}

static void inject(const char *error)
{
	uint64_t deadline = now_ms() + DEADLINE;
	char command[64], reply[256];

	klog_count(klog, NULL);
	snprintf(command, sizeof(command), "pcie_aer_inject_error " PORT " %s",
		 error);
	igt_assert_eq(__monitor_command(command, reply, sizeof(reply)), 0);
	while (!klog_count(klog, "device recovery")) {
		igt_assert_f(now_ms() < deadline,
			     "'%s': the kernel does not recover; QEMU said: %s\n",
			     command, reply);
		usleep(20000);
	}
	touched();
	settle();
}

static void fatal_error(void)
{
	inject("DLP");
}

static void nonfatal_error(void)
{
	inject("COMP_TIME");
}

static void vfio_reset(void)
{
	igt_assert_eq(__vfio_reset(&dev), 0);
	touched();
}

static void flr(void)
{
	igt_assert_eq(__vfio_flr(&dev), 0);
	touched();
}

static void hot_reset(void)
{
	igt_assert_eq(__vfio_hot_reset(&dev), 0);
	touched();
}

static void reset_subordinate(void)
{
	device_file("../reset_subordinate", "1");
	/* Resets the bus without waking anybody up */
}

static void rescan(void)
{
	sysfs_write("/sys/bus/pci/rescan", "1");
}

static void nothing(void)
{
}

struct step {
	const char *name;
	void (*run)(void);
};

static const struct step causes[] = {
	{ "nothing", nothing },
	{ "memory-off", memory_off },
	{ "d3", d3 },
	{ "low-power", low_power_entry },
	{ "low-power-with-wakeup", low_power_with_wakeup },
	{ "fatal-error", fatal_error },
};

static const struct step events[] = {
	{ "command-byte", command_byte },
	{ "command-word", command_word },
	{ "command-dword", command_dword },
	{ "command-high-byte", command_high_byte },
	{ "memory-off", memory_off },
	{ "d0", d0 },
	{ "d3", d3 },
	{ "config-read", config_read },
	{ "low-power", low_power_entry },
	{ "low-power-exit", low_power_exit },
	{ "vfio-reset", vfio_reset },
	{ "flr", flr },
	{ "hot-reset", hot_reset },
	{ "reset-subordinate", reset_subordinate },
	{ "rescan", rescan },
	{ "nonfatal-error", nonfatal_error },
	{ "fatal-error", fatal_error },
};

/* What ends one cause each: together they end all */
static const struct step ends[] = {
	{ "low-power-exit", low_power_exit },
	{ "d0", d0 },
	{ "command-word", command_word },
};

/* The kernel suspends the device when it gets round to it */
static void wait_suspended(void)
{
	uint64_t deadline = now_ms() + DEADLINE;

	while (low_power && !pci_runtime_suspended(dev.addr)) {
		igt_assert_f(now_ms() < deadline,
			     "%s: not suspended after low power was entered\n",
			     dev.addr);
		usleep(10000);
	}
}

static const char *state_name(uint32_t state)
{
	return state == DMA_BUF_PHYS_QUERY_LIVE ? "live" : "not live";
}

/* An importer maps again in its own time after a restore, never after a revoke */
static void wait_mapped(void)
{
	uint64_t deadline = now_ms() + DEADLINE;

	while (!vtd_mapped(edu, BASE) || !vtd_mapped(edu, BASE + SIZE - PAGE)) {
		igt_assert_f(now_ms() < deadline,
			     "the IOMMU does not map what can be reached\n");
		usleep(10000);
	}
}

static void check_old(const char *why_not)
{
	uint32_t state = state_of(fd);

	igt_assert_f((state == DMA_BUF_PHYS_QUERY_LIVE) == !why_not,
		     "the device %s%s, the dma-buf is %s\n",
		     why_not ? "cannot be reached: " : "can be reached",
		     why_not ? why_not : "", state_name(state));
	if (why_not) {
		igt_assert_f(!vtd_mapped(edu, BASE) &&
			     !vtd_mapped(edu, BASE + SIZE - PAGE),
			     "%s, and the IOMMU maps it\n", why_not);
		igt_assert_f(!cpu_reachable(map), "%s, and the CPU maps it\n",
			     why_not);
		return;
	}
	wait_mapped();
	igt_assert_f(cpu_reachable(map),
		     "it can be reached, and a CPU access is a SIGBUS\n");
	cpu_both_ways(map, map);
}

static void check(void)
{
	const char *why_not;
	uint32_t state;
	int again;

	wait_suspended();
	check_old(pci_decodes(dev.addr));

	/* The export itself is something that is done with the device */
	again = vfio_dmabuf_one(&dev, SHM_BAR, MiB(1), SIZE);
	touched();
	wait_suspended();
	why_not = pci_decodes(dev.addr);
	state = state_of(again);
	close(again);
	igt_assert_f((state == DMA_BUF_PHYS_QUERY_LIVE) == !why_not,
		     "the device %s%s, a new dma-buf is %s\n",
		     why_not ? "cannot be reached: " : "can be reached",
		     why_not ? why_not : "", state_name(state));
	check_old(why_not);
}

static void begin(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ends); i++)
		ends[i].run();
	if (fd < 0) {
		scene_reset_ioas(&scene);
		fd = vfio_dmabuf_one(&dev, SHM_BAR, 0, SIZE);
		ioas_map_file(scene.iommufd, scene.ioas, fd, 0, SIZE, BASE);
		map = cpu_map(fd, NULL, SIZE, 0);
	}
	igt_assert_f(!pci_decodes(dev.addr), "%s: cannot be brought back: %s\n",
		     dev.addr, pci_decodes(dev.addr));
	check();
}

/**
 * SUBTEST: cause-nothing
 * Description: Each event, with nothing before it
 *
 * SUBTEST: cause-memory-off
 * Description: Each event after memory has been switched off
 *
 * SUBTEST: cause-d3
 * Description: Each event in D3hot
 *
 * SUBTEST: cause-low-power
 * Description: Each event in low power
 *
 * SUBTEST: cause-low-power-with-wakeup
 * Description: Each event in low power that any access ends
 *
 * SUBTEST: cause-fatal-error
 * Description: Each event after a fatal error, when the link was reset and the BARs
 *	are lost
 */
static void cell(const struct step *cause, const struct step *event)
{
	int revokes;

	begin();
	cause->run();
	check();
	trace_revokes();
	event->run();
	revokes = trace_revokes();
	check();
	igt_debug("%s, %s: %d revokes; %s\n", cause->name, event->name, revokes,
		  pci_decodes(dev.addr) ? pci_decodes(dev.addr) : "decodes");
}

/**
 * SUBTEST: two-causes
 * Description: Every pair of causes, then what ends each of them, in any order
 */
static void two_causes(const struct step *first, const struct step *second)
{
	/* Each end of three comes first once, and last once */
	static const unsigned int orders[][3] = {
		{ 0, 1, 2 }, { 1, 2, 0 }, { 2, 0, 1 },
	};
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		begin();
		first->run();
		/* What comes before it is asleep wakes nothing up */
		wait_suspended();
		second->run();
		check();
		for (j = 0; j < 3; j++) {
			ends[orders[i][j]].run();
			check();
		}
	}
}

static void sysfs_reset(const char *method, const struct step *cause)
{
	int revokes;
	bool live;

	begin();
	device_file("reset_method", method);
	cause->run();
	check();
	live = state_of(fd) == DMA_BUF_PHYS_QUERY_LIVE;
	trace_revokes();
	device_file("reset", "1");
	/* It is woken up for that */
	touched();
	revokes = trace_revokes();
	check();
	igt_assert_f(!live || revokes,
		     "a reset (%s) of a device with a live dma-buf, and no revoke\n",
		     method);
}

/**
 * SUBTEST: sysfs-reset
 * Description: A reset through sysfs by each of the device's reset methods, after
 *	each cause: no access while it lasts
 */
static void sysfs_resets(void)
{
	static char methods[128], *method, *save;
	static size_t i;
	char path[160];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset_method",
		 dev.addr);
	igt_assert_eq(__sysfs_read(path, methods, sizeof(methods)), 0);
	igt_info("%s: reset methods: %s\n", dev.addr, methods);
	for (method = strtok_r(methods, " ", &save); method;
	     method = strtok_r(NULL, " ", &save))
		for (i = 0; i < ARRAY_SIZE(causes); i++)
			igt_dynamic_f("%s-after-%s", method, causes[i].name)
				sysfs_reset(method, &causes[i]);
	device_file("reset_method", "default");
}

/**
 * SUBTEST: sysfs-resize
 * Description: What sysfs refuses while a driver has the device changes nothing
 */
static void sysfs_resize(void)
{
	char path[160];
	int bar, ret;

	begin();
	for (bar = 0; bar < 6; bar++) {
		snprintf(path, sizeof(path),
			 "/sys/bus/pci/devices/%s/resource%d_resize", dev.addr,
			 bar);
		ret = __sysfs_write(path, "1");
		igt_assert(ret == -EBUSY || ret == -ENOENT);
	}
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/enable",
		 dev.addr);
	igt_assert_eq(__sysfs_write(path, "0"), -EBUSY);
	check();
}

/**
 * SUBTEST: wakeup
 * Description: Waking up from low power signals its eventfd and restores access
 */
static void wake_up(void)
{
	eventfd_t count;

	begin();
	eventfd_read(wakeup, &count);
	low_power_with_wakeup();
	check_old("low power");
	wait_suspended();
	check_old(pci_decodes(dev.addr));
	igt_assert(eventfd_read(wakeup, &count) < 0);
	config_read();
	igt_assert_eq(eventfd_read(wakeup, &count), 0);
	igt_assert(!pci_decodes(dev.addr));
	check_old(NULL);
}

static void expect_reachable(const char *after)
{
	const char *why_not = pci_decodes(dev.addr);

	igt_assert_f(!why_not, "after %s: %s\n", after, why_not ?: "");
	check_old(NULL);
	check();
}

static void sysfs_reset_once(void)
{
	device_file("reset", "1");
	touched();
}

/**
 * SUBTEST: low-power-in-d3
 * Description: Low power, entered also twice, and every reset of a function in D3hot:
 *	when they are over and the function is awake, its memory can be reached
 */
static void low_power_in_d3(void)
{
	static const struct step resets[] = {
		{ "vfio-reset", vfio_reset },
		{ "flr", flr },
		{ "hot-reset", hot_reset },
		{ "sysfs-reset", sysfs_reset_once },
	};
	size_t i;

	for (i = 0; i < 2; i++) {
		begin();
		d3();
		check();
		low_power_entry();
		check();
		/* Refused, and no reason to keep memory away afterwards */
		if (i)
			low_power_entry();
		low_power_exit();
		check();
		d0();
		expect_reachable("low power in D3hot");
	}
	for (i = 0; i < ARRAY_SIZE(resets); i++) {
		begin();
		d3();
		resets[i].run();
		expect_reachable(resets[i].name);

		d3();
		low_power_entry();
		wait_suspended();
		resets[i].run();
		check();
		low_power_exit();
		expect_reachable(resets[i].name);
	}
}

/**
 * SUBTEST: resets-in-a-row
 * Description: Resets, each as soon as the one before has returned: none of them finds
 *	the device busy with giving access back, and afterwards access is back
 */
static void resets_in_a_row(void)
{
	int i;

	begin();
	for (i = 0; i < 8; i++) {
		vfio_reset();
		hot_reset();
		flr();
		hot_reset();
		hot_reset();
	}
	expect_reachable("resets in a row");
}

/**
 * SUBTEST: closed
 * Description: A dma-buf stays dead once its device is closed, whatever happens to
 *	the device, and stays unmapped
 */
static void closed(void)
{
	begin();
	vfio_close(&dev);
	igt_assert_eq_u64(state_of(fd), DMA_BUF_PHYS_QUERY_DEAD);
	/* reset_subordinate keeps no device awake: one that is just being suspended loses its BARs */
	device_file("power/control", "on");
	device_file("reset", "1");
	device_file("../reset_subordinate", "1");
	device_file("power/control", "auto");
	vfio_open(&dev, pci_env("DMABUF_EXPORTER2"), scene.iommufd);
	igt_assert_eq_u64(state_of(fd), DMA_BUF_PHYS_QUERY_DEAD);
	igt_assert(!vtd_mapped(edu, BASE));
	igt_assert(!cpu_reachable(map));
	munmap(map, SIZE);
	close(fd);
	fd = -1;
	begin();
}

/* Registers of the function, past VFIO, which is not told */
static void raw(unsigned int pos, void *value, size_t size, bool write)
{
	int config = pci_config_open(dev.addr);
	ssize_t done;

	done = write ? pwrite(config, value, size, pos) : pread(config, value, size, pos);
	close(config);
	igt_assert_eq((int)done, (int)size);
	touched();
}

/**
 * SUBTEST: bar-elsewhere
 * Description: Root has moved a BAR from below 4 GiB to above, where VFIO leaves it when
 *	memory is enabled: no access, to another BAR of the device either, until it is put
 *	back and memory is enabled once more; then the bytes are what they were
 */
static void bar_elsewhere(void)
{
	const uint64_t word = 0xba2e15e3b4ec0de5ull;
	const unsigned int high = PCI_BASE_ADDRESS_1;
	uint32_t bar[2], elsewhere = 1u << 16;
	uint64_t *last;

	begin();
	last = map + (SIZE - PAGE) / sizeof(*map);
	raw(PCI_BASE_ADDRESS_0, bar, sizeof(bar), false);
	igt_require_f((bar[0] & PCI_BASE_ADDRESS_MEM_TYPE_64) && !bar[1],
		      "%s: BAR 0 is not a 64-bit one below 4 GiB\n", dev.addr);
	cpu_store(last, word);

	memory_off();
	raw(high, &elsewhere, sizeof(elsewhere), true);
	check();
	command_word();
	igt_assert_eq_u32(state_of(fd), DMA_BUF_PHYS_QUERY_REVOKED);
	check();
	/* What ends other causes does not end this one */
	low_power_entry();
	low_power_exit();
	d0();
	check();

	memory_off();
	raw(high, &bar[1], sizeof(bar[1]), true);
	check();
	command_word();
	expect_reachable("the BAR was put back");
	igt_assert_eq_u64(cpu_load(last), word);
}

/**
 * SUBTEST: memory-off-elsewhere
 * Description: Root has disabled memory past VFIO, which takes it for enabled, while there
 *	was no access: none until it is enabled again, whatever else ends meanwhile
 */
static void memory_off_elsewhere(void)
{
	uint16_t on, off = PCI_COMMAND_MASTER;

	begin();
	raw(PCI_COMMAND, &on, sizeof(on), false);
	igt_assert(on & PCI_COMMAND_MEMORY);
	d3();
	check();
	raw(PCI_COMMAND, &off, sizeof(off), true);
	d0();
	igt_assert_eq_u32(state_of(fd), DMA_BUF_PHYS_QUERY_REVOKED);
	check();
	low_power_entry();
	low_power_exit();
	check();
	raw(PCI_COMMAND, &on, sizeof(on), true);
	memory_off();
	command_word();
	expect_reachable("memory was enabled again");
}

int igt_main()
{
	static size_t i, j;

	igt_fixture() {
		cpu_access_init();
		scene_open(&scene);
		edu = scene.edu.dev.addr;
		vfio_open(&dev, pci_env("DMABUF_EXPORTER2"), scene.iommufd);
		questions = query_open();
		klog = klog_open();
		wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		igt_assert_fd(wakeup);
	}

	for (i = 0; i < ARRAY_SIZE(causes); i++) {
		static char name[64];

		snprintf(name, sizeof(name), "cause-%s", causes[i].name);
		igt_subtest_with_dynamic(name)
			for (j = 0; j < ARRAY_SIZE(events); j++)
				igt_dynamic(events[j].name)
					cell(&causes[i], &events[j]);
	}

	igt_subtest_with_dynamic("two-causes")
		for (i = 1; i < ARRAY_SIZE(causes); i++)
			for (j = 1; j < ARRAY_SIZE(causes); j++)
				if (i != j)
					igt_dynamic_f("%s-%s", causes[i].name,
						      causes[j].name)
						two_causes(&causes[i],
							   &causes[j]);

	igt_subtest_with_dynamic("sysfs-reset")
		sysfs_resets();

	igt_subtest("sysfs-resize")
		sysfs_resize();

	igt_subtest("wakeup")
		wake_up();

	igt_subtest("low-power-in-d3")
		low_power_in_d3();

	igt_subtest("resets-in-a-row")
		resets_in_a_row();

	igt_subtest("closed")
		closed();

	igt_subtest("memory-off-elsewhere")
		memory_off_elsewhere();

	/* The last one: should it fail, only closing the device puts the BAR back */
	igt_subtest("bar-elsewhere")
		bar_elsewhere();

	igt_fixture() {
		vfio_close(&dev);
		scene_close(&scene);
	}
}

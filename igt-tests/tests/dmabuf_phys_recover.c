// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys recover
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: VFIO
 * Functionality: recovery from errors
 * Description: Whatever comes between the beginning and the end of a reset or of the
 *	recovery from an error: a dma-buf is live only if the device decodes, and
 *	nothing of an error is left to the next owner
 * Test category: functionality test
 */
#include <linux/dma-buf.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "igt_core.h"
#include "klog.h"
#include "monitor.h"
#include "movable.h"
#include "pci.h"
#include "pci_decode.h"
#include "plug.h"
#include "query.h"
#include "scene.h"
#include "sg_importer.h"
#include "subtests.h"
#include "sysfs.h"

#define NR_RESETS 40

static struct vfio_device dev = { .fd = -1 }, neighbour = { .fd = -1 };
static int iommufd, questions, fd = -1;

static void open_device(void)
{
	vfio_open(&dev, pci_env("DMABUF_EXPORTER2"), iommufd);
	fd = vfio_dmabuf_one(&dev, SHM_BAR, 0, PAGE);
}

static void close_device(void)
{
	close_fd(&fd);
	vfio_close(&dev);
	vfio_close(&neighbour);
}

static bool is_live(void)
{
	struct dma_buf_phys_query arg;

	query(questions, fd, &arg);
	return arg.state == DMA_BUF_PHYS_QUERY_LIVE;
}

static void wait_live(bool live)
{
	uint64_t deadline = now_ms() + PATIENCE_MS;

	while (is_live() != live) {
		igt_assert_f(now_ms() < deadline, "the dma-buf does not become %s\n",
			     live ? "live" : "revoked");
		usleep(20000);
	}
}

static void device_file(const char *file, const char *text)
{
	char path[160];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", dev.addr,
		 file);
	sysfs_write(path, text);
}

/*
 * A thread switches MSI-X on and off, for which VFIO switches memory on for a moment
 * and then writes back what the command register was. It pauses when it is told to.
 */
static struct {
	atomic_bool pause, paused, stop;
	unsigned long rounds;
} irqs;

static void *irq_thread(void *arg)
{
	int event = eventfd(0, EFD_CLOEXEC);

	(void)arg;
	while (!irqs.stop) {
		irqs.paused = irqs.pause;
		if (irqs.paused) {
			usleep(1000);
			continue;
		}
		__vfio_msix(&dev, event);
		__vfio_msix(&dev, -1);
		irqs.rounds++;
	}
	close(event);
	return NULL;
}

static void pause_irqs(bool pause)
{
	irqs.pause = pause;
	while (irqs.paused != pause)
		usleep(1000);
}

/**
 * SUBTEST: reset-under-irqs
 * Description: Resets through sysfs while another thread switches interrupts on and
 *	off, which writes the command register back as it was: afterwards the
 *	dma-buf is live if and only if memory is on
 */
static void reset_under_irqs(void)
{
	unsigned int i, lost = 0;
	pthread_t thread;

	open_device();
	igt_assert(!pthread_create(&thread, NULL, irq_thread, NULL));
	for (i = 0; i < NR_RESETS; i++) {
		const char *why_not;

		device_file("reset", "1");
		pause_irqs(true);
		why_not = pci_decodes(dev.addr);
		igt_assert_f(is_live() == !why_not,
			     "reset %u: the device %s%s, the dma-buf is %s\n", i,
			     why_not ? "cannot be reached: " : "can be reached",
			     why_not ? why_not : "",
			     is_live() ? "live" : "not live");
		lost += why_not != NULL;
		vfio_enable(&dev);
		pause_irqs(false);
	}
	irqs.stop = true;
	igt_assert(!pthread_join(thread, NULL));
	igt_info("%u resets, %u of which left memory off; %lu rounds of interrupts\n",
		 i, lost, irqs.rounds);
	igt_assert(irqs.rounds);
	close_device();
}

static void inject_error(void)
{
	char reply[256];

	igt_assert_eq(__monitor_command("pcie_aer_inject_error rp1 COMP_TIME",
					reply, sizeof(reply)), 0);
}

static void wait_for_failure(int klog)
{
	uint64_t deadline = now_ms() + PATIENCE_MS;

	while (!klog_count(klog, "device recovery failed")) {
		igt_assert_f(now_ms() < deadline,
			     "the kernel does not say that it cannot recover\n");
		usleep(20000);
	}
}

/* An error of the port above, that a neighbour without a driver keeps there */
static void fail_to_recover(void)
{
	int klog;

	pci_bind(pci_env("DMABUF_EDU2"), NULL);
	device_file("reset_method", "\n");
	klog = klog_open();
	inject_error();
	wait_for_failure(klog);
	close(klog);
}

static void expect_next_owner_live(void)
{
	open_device();
	igt_assert_f(is_live(), "%s, but the next owner's dma-buf is not live\n",
		     pci_decodes(dev.addr) ? pci_decodes(dev.addr) :
					     "the device decodes");
	device_file("reset_method", "default");
	close_device();
}

/**
 * SUBTEST: not-recovered
 * Description: A neighbour without a driver keeps an error from being recovered,
 *	and the device cannot be reset: no access for its owner, but for the next
 *	one
 */
static void not_recovered(void)
{
	open_device();
	fail_to_recover();
	wait_live(false);
	close_device();
	expect_next_owner_live();
}

/**
 * SUBTEST: not-recovered-closed
 * Description: The same while nobody has the device open: the next owner has access
 */
static void not_recovered_closed(void)
{
	open_device();
	close_device();
	fail_to_recover();
	expect_next_owner_live();
}

/**
 * SUBTEST: owner-changes
 * Description: A neighbour delays the recovery, and the owner closes the device
 *	meanwhile, as it is told to: the next owner has no access until recovery is
 *	over
 */
static void owner_changes(void)
{
	uint64_t deadline = now_ms() + PATIENCE_MS;
	struct plug_unbind unbinding;
	int request, klog;

	open_device();
	/* Its lock is taken until it is closed: the kernel cannot ask its driver */
	vfio_open(&neighbour, pci_env("DMABUF_EDU2"), iommufd);
	request = plug_watch(&neighbour);
	plug_unbind_begin(&unbinding, neighbour.addr);
	plug_wait_asked(request, neighbour.addr);
	klog = klog_open();
	inject_error();
	while (is_live()) {
		igt_assert_f(now_ms() < deadline, "no error is seen\n");
		usleep(20000);
	}

	close_fd(&fd);
	vfio_close(&dev);
	open_device();
	igt_assert(!klog_count(klog, "device recovery"));
	igt_assert_f(!is_live(), "live in the middle of a recovery\n");

	vfio_close(&neighbour);
	plug_unbind_end(&unbinding);
	wait_for_failure(klog);
	igt_assert(!is_live());
	close(klog);
	close(request);
	close_device();
	open_device();
	igt_assert(is_live());
	close_device();
}

/* Past VFIO, which takes memory for enabled */
static void disable_memory(void)
{
	const uint16_t command = 0;
	int config = pci_config_open(dev.addr);

	igt_assert_eq((int)pwrite(config, &command, sizeof(command), PCI_COMMAND),
		      (int)sizeof(command));
	close(config);
}

/**
 * SUBTEST: asked-to-let-go
 * Description: A device that does not decode any more, of which nobody has told VFIO, is
 *	to go: when its owner is asked to let go there is no access left
 */
static void asked_to_let_go(void)
{
	struct plug_unbind unbinding;
	int request;

	open_device();
	request = plug_watch(&dev);
	disable_memory();
	igt_assert(is_live());
	plug_unbind_begin(&unbinding, dev.addr);
	plug_wait_asked(request, dev.addr);
	wait_live(false);
	close_device();
	plug_unbind_end(&unbinding);
	close(request);
	expect_next_owner_live();
}

/* Another dma-buf whose copy does not begin: its fence, for DMA_BUF_IOCTL_IMPORT_SYNC_FILE */
static int hold_fence(int movable, int dmabuf)
{
	struct dma_buf_export_sync_file export = { .flags = DMA_BUF_SYNC_RW };

	igt_assert_eq(__movable_move(movable, MOVABLE_ANYWHERE, 1,
				     DMA_BUF_MOVABLE_HOLD), 1);
	igt_assert_eq(ioctl(dmabuf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &export), 0);
	return export.fd;
}

/**
 * SUBTEST: importer-is-busy
 * Description: Recovery does not wait for what an importer waits for, which may be a
 *	device that is recovered as well: it ends while a fence is pending. That
 *	neighbours fail to recover is no matter here
 */
static void importer_is_busy(void)
{
	struct dma_buf_import_sync_file import = { .flags = DMA_BUF_SYNC_RW };
	int movable, moving, importer, klog;
	struct pollfd fence;

	movable_bind();
	movable = movable_open();
	moving = movable_create(movable, 2 * PAGE);
	sg_bind(pci_env("DMABUF_EDU2"));
	importer = sg_open();
	open_device();
	sg_attach(importer, fd, 0);
	import.fd = hold_fence(movable, moving);
	igt_assert_eq(ioctl(fd, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &import), 0);

	klog = klog_open();
	inject_error();
	wait_for_failure(klog);
	/* Until the fence has signaled, a query would wait for it as the revoke does */
	fence = (struct pollfd){ .fd = import.fd, .events = POLLIN };
	igt_assert_eq(poll(&fence, 1, 0), 0);

	movable_release(movable);
	wait_live(false);
	close_device();
	expect_next_owner_live();
	close(import.fd);
	close(klog);
	close(importer);
	close(moving);
	close(movable);
}

static const struct subtest tests[] = {
	{ "importer-is-busy", importer_is_busy },
	{ "asked-to-let-go", asked_to_let_go },
	{ "reset-under-irqs", reset_under_irqs },
	{ "not-recovered", not_recovered },
	{ "not-recovered-closed", not_recovered_closed },
	{ "owner-changes", owner_changes },
};

int igt_main()
{
	igt_fixture() {
		iommufd = iommufd_open();
		questions = query_open();
	}

	subtests(tests, close_device, NULL);

	igt_fixture() {
		close_device();
		close(questions);
		close(iommufd);
	}
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The DMA engine: one transfer at a time between memory and the device's
 * buffer.
 *
 * edu_engine_start() looks up the address and starts the engine in one critical
 * section, in which it sets edu_dev.engine_mr to the memory region. So after a
 * region has been invalidated under the same lock, and edu_engine_quiesce() has
 * returned, the engine does not access it and will not. That is the whole
 * protocol between the worker and a move.
 *
 * The engine always stops: the transfer completes, or it times out and the
 * device loses bus mastering. Neither needs a lock that a waiter could hold.
 *
 * The interrupt only says that something happened; the command register says
 * what. So a late interrupt of the previous transfer is harmless. A lost one
 * costs a fraction of a second, as the status register still has it. If the
 * engine neither runs nor has an interrupt pending, the command was lost and
 * nothing was transferred. A device that was removed reads as all ones.
 */
#include <linux/cleanup.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/jiffies.h>
#include <linux/pci.h>

#include "edu_ib.h"

#define EDU_ID		0x00
#define EDU_IRQ_STATUS	0x24
#define EDU_IRQ_ACK	0x64
#define EDU_DMA_SRC	0x80
#define EDU_DMA_DST	0x88
#define EDU_DMA_COUNT	0x90
#define EDU_DMA_CMD	0x98

#define EDU_DMA_RUN	BIT_ULL(0)
#define EDU_DMA_TO_MEM	BIT_ULL(1)
#define EDU_DMA_IRQ	BIT_ULL(2)

#define EDU_IRQ_DMA	BIT(8)

#define EDU_ID_MASK	0xff
#define EDU_ID_MAGIC	0xed

/* Address of the device's buffer, as seen by the engine */
#define EDU_BUF		0x40000ULL

/* The device takes 100 ms for a transfer */
#define EDU_CHECK	(HZ / 4)
#define EDU_TIMEOUT	(10 * HZ)

/**
 * edu_engine_init - check that this is an edu device and that it is idle
 * @edu: device, not a bus master yet
 *
 * A transfer that a previous user of the device has started must not run once
 * bus mastering is enabled.
 *
 * Return: 0; -ENODEV if it is not an edu device; -EBUSY if the engine is
 * running.
 */
int edu_engine_init(struct edu_dev *edu)
{
	u32 id = readl(edu->regs + EDU_ID);
	u64 cmd;

	init_completion(&edu->done);
	if ((id & EDU_ID_MASK) != EDU_ID_MAGIC)
		return -ENODEV;
	edu->version = id >> 16;
	if (read_poll_timeout(readq, cmd, !(cmd & EDU_DMA_RUN), 10000,
			      USEC_PER_SEC, false, edu->regs + EDU_DMA_CMD))
		return -EBUSY;
	writel(readl(edu->regs + EDU_IRQ_STATUS), edu->regs + EDU_IRQ_ACK);
	return 0;
}

/* Handle what is pending, upon an interrupt or when polled */
static bool edu_engine_take(struct edu_dev *edu)
{
	u32 status = readl(edu->regs + EDU_IRQ_STATUS);

	if (!status || !~status)
		return false;
	writel(status, edu->regs + EDU_IRQ_ACK);
	if (status & EDU_IRQ_DMA)
		complete(&edu->done);
	return true;
}

irqreturn_t edu_engine_irq(int irq, void *data)
{
	return IRQ_RETVAL(edu_engine_take(data));
}

/**
 * edu_engine_start - start a transfer
 * @mr: memory region, on which the caller holds a reference
 * @addr: address in @mr
 * @buf: offset in the device's buffer
 * @length: number of bytes, not beyond the end of @mr or of the buffer
 * @to_mem: transfer to @mr rather than from it
 *
 * Context: the worker, with the engine idle. If a transfer was started,
 * edu_engine_wait() has to be called.
 *
 * Return: number of bytes being transferred, which may be less than @length;
 * -EAGAIN if @mr is not mapped; -EIO if the device is dead.
 */
int edu_engine_start(struct edu_mr *mr, u64 addr, u32 buf, u32 length,
		     bool to_mem)
{
	struct edu_dev *edu = to_edu_dev(mr->ibmr.device);
	u64 block, offset, src, dst;
	dma_addr_t dma;

	guard(spinlock_irqsave)(&edu->lock);
	if (edu->dead)
		return -EIO;
	if (!mr->mapped)
		return -EAGAIN;

	block = BIT_ULL(mr->shift);
	offset = addr - ALIGN_DOWN(mr->ibmr.iova, block);
	dma = mr->table[offset >> mr->shift] + (offset & (block - 1));
	length = min_t(u64, length, block - (offset & (block - 1)));
	src = to_mem ? EDU_BUF + buf : dma;
	dst = to_mem ? dma : EDU_BUF + buf;

	edu->engine_mr = mr;
	edu->engine_writes = to_mem;
	reinit_completion(&edu->done);
	writeq(src, edu->regs + EDU_DMA_SRC);
	writeq(dst, edu->regs + EDU_DMA_DST);
	writeq(length, edu->regs + EDU_DMA_COUNT);
	writeq(EDU_DMA_RUN | EDU_DMA_IRQ | (to_mem ? EDU_DMA_TO_MEM : 0),
	       edu->regs + EDU_DMA_CMD);
	return length;
}

static bool edu_engine_stopped(struct edu_dev *edu)
{
	unsigned long deadline = jiffies + EDU_TIMEOUT;
	bool told;
	u64 cmd;

	do {
		told = wait_for_completion_timeout(&edu->done, EDU_CHECK);
		cmd = readq(edu->regs + EDU_DMA_CMD);
		if (!~cmd)
			return false;
		if (told && !(cmd & EDU_DMA_RUN))
			return true;
		if (!told)
			edu_engine_take(edu);
	} while (time_before(jiffies, deadline));
	return false;
}

/**
 * edu_engine_wait - wait for the transfer that was started
 * @edu: device
 *
 * Return: 0, or -EIO if the device was removed or hangs. It is dead then and
 * does not access memory anymore.
 */
int edu_engine_wait(struct edu_dev *edu)
{
	bool stopped = edu_engine_stopped(edu);

	if (!stopped) {
		pci_clear_master(edu->pdev);
		ibdev_err(&edu->ibdev,
			  "DMA engine does not respond, device disabled: unbind the driver and reset the device\n");
	}
	scoped_guard(spinlock_irqsave, &edu->lock) {
		if (!stopped)
			WRITE_ONCE(edu->dead, true);
		edu->engine_mr = NULL;
	}
	wake_up_all(&edu->idle);
	return stopped ? 0 : -EIO;
}

static bool edu_engine_uses(struct edu_mr *mr)
{
	struct edu_dev *edu = to_edu_dev(mr->ibmr.device);

	guard(spinlock_irqsave)(&edu->lock);
	return edu->engine_mr == mr;
}

/**
 * edu_engine_quiesce - wait until the engine does not access a region anymore
 * @mr: memory region, not mapped anymore
 *
 * Context: may be called with the reservation lock held. Sleeps until the
 * current transfer has ended, at most.
 */
void edu_engine_quiesce(struct edu_mr *mr)
{
	struct edu_dev *edu = to_edu_dev(mr->ibmr.device);

	might_sleep();
	wait_event(edu->idle, !edu_engine_uses(mr));
}

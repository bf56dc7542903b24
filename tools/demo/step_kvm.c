// SPDX-License-Identifier: GPL-2.0
/*
 * A guest writes into the BAR, without a mapping of the host; another device
 * reads it
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "bytes.h"
#include "demo.h"
#include "devices/iommufd.h"
#include "devices/kvm.h"
#include "fail.h"
#include "must.h"
#include "report.h"
#include "topology.h"

#define NR ARRAY_SIZE(demo_ranges)
#define SIZE KiB(2)
#define IOVA 0xd00000000ull

/* The third range lies on a border of 2 MiB for the guest, too */
#define GPA (GiB(4) + MiB(2) - KiB(80))

/* Across the end of range 0 */
#define AT (demo_ranges[0].length - SIZE / 2)

static struct vmm vmm;
static struct vcpu vcpu;

static void make_guest(int fd)
{
	int ret = __vmm_open(&vmm, KVM_X86_DEFAULT_VM);

	if (!ret)
		ret = __vcpu_open(&vcpu, &vmm, 0);
	if (ret)
		fail("modprobe kvm-amd or kvm-intel",
		     "cannot make a virtual machine: %s", strerror(-ret));
	ret = __vmm_dmabuf(&vmm, 1, GPA, fd, 0, ranges_size(demo_ranges, NR));
	if (ret)
		fail(remedy_no_code(),
		     "KVM of this kernel takes no dma-bufs: %s",
		     strerror(-ret));
}

static void write_and_read(struct demo *demo)
{
	const uint64_t end0 = demo_ranges[0].offset + demo_ranges[0].length;
	uint8_t text[SIZE], got[SIZE];
	struct vmm_levels levels;

	say("the guest writes 2 KiB across the end of range 0, and touches every page");
	guard_fill(demo->bar, 0, DEMO_WINDOW);
	text_fill(text, SIZE, "gues");
	must_vcpu_write(&vcpu, GPA + AT, text, SIZE);
	bytes_check(demo->bar, demo_ranges, NR, AT, text, SIZE);
	hex_dump(demo->bar, end0 - 16, 16, "end of range 0");
	hex_dump(demo->bar, demo_ranges[1].offset, 16, "start of range 1");
	must_vcpu_touch(&vcpu, GPA, ranges_size(demo_ranges, NR));
	levels = must_vmm_levels(&vmm);
	checked("2048 bytes are in the BAR, half in each range; range 2 is one page of 2 MiB to the guest (%" PRIu64
		" in all)",
		levels.m2);
	must_edu_read(&demo->edu, IOVA + AT, got, SIZE);
	if (memcmp(got, text, SIZE))
		fail(NULL, "%s read other bytes than the guest wrote",
		     demo->edu.dev.addr);
	checked("%s reads the guest's bytes out of the BAR",
		demo->edu.dev.addr);
}

void demo_kvm(struct demo *demo)
{
	const uint64_t word = 0x6b63616274736575ull; /* "uestback" */
	uint64_t at = ranges_find(demo_ranges, NR, AT), before;
	int fd, ret;

	step_begin(STEP_KVM, demo->exporter.addr);
	fd = must_vfio_dmabuf(&demo->exporter, BAR, demo_ranges, NR);
	say("KVM_SET_USER_MEMORY_REGION2 with KVM_MEM_DMABUF: %s of the dma-buf at 0x%" PRIx64 ", no address in the VMM",
	    size_text(ranges_size(demo_ranges, NR)), (uint64_t)GPA);
	make_guest(fd);
	ret = __ioas_map_file(demo->iommufd, demo->ioas, fd, 0,
			      ranges_size(demo_ranges, NR), IOVA);
	close(fd);
	if (ret)
		fail(NULL, "IOMMU_IOAS_MAP_FILE: %s", strerror(-ret));
	write_and_read(demo);

	before = *(volatile uint64_t *)(demo->bar + at);
	must_vfio_memory_enable(&demo->exporter, false);
	if (vcpu_try_store(&vcpu, GPA + AT, 8, word) != VCPU_FAULT)
		fail(NULL, "the guest's write to a revoked BAR ended with: %s",
		     vcpu_ended(&vcpu));
	must_vfio_memory_enable(&demo->exporter, true);
	if (*(volatile uint64_t *)(demo->bar + at) != before)
		fail(NULL, "the guest wrote to a BAR that was revoked");
	checked("memory off: the guest's next write exits with KVM_EXIT_MEMORY_FAULT at 0x%" PRIx64
		", the BAR is unchanged",
		vcpu.fault.gpa);
	if (vcpu_run(&vcpu) != VCPU_DONE ||
	    *(volatile uint64_t *)(demo->bar + at) != word)
		fail(NULL, "after memory came back the guest did not go on: %s",
		     vcpu_ended(&vcpu));
	checked("memory on: KVM_RUN again, the same write arrives");

	vcpu_close(&vcpu);
	vmm_close(&vmm);
	must_ioas_unmap(demo->iommufd, demo->ioas, IOVA,
		   ranges_size(demo_ranges, NR));
	step_done();
}

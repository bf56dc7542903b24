// SPDX-License-Identifier: GPL-2.0
/*
 * The VM: memory, interrupt controller, and the loop around KVM_RUN
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devices/iommufd.h"
#include "fail.h"
#include "machine.h"

#define MAX_CPUID 256
#define SLOT_RAM 0

/* KVM on Intel wants three pages that the guest does not use */
#define TSS_ADDRESS 0xfffbd000ull

#define CPUID_FEATURES 1
#define CPUID_TSC_DEADLINE (1u << 24)

static void add_ram(struct machine *m)
{
	uint64_t iova = 0;
	int ret;

	/* Devices use guest addresses, too: for RAM here, for BARs in assigned.c */
	m->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (m->ram == MAP_FAILED)
		fail(NULL, "no memory for the guest: %s", strerror(errno));
	m->iommufd = __iommufd_open();
	if (m->iommufd < 0)
		fail("modprobe iommufd", "/dev/iommu: %s", strerror(-m->iommufd));
	ret = __ioas_alloc(m->iommufd, &m->ioas);
	if (!ret)
		ret = __ioas_map(m->iommufd, m->ioas, m->ram, RAM_SIZE, &iova);
	if (ret)
		fail(NULL, "the guest's memory in the IOMMU: %s", strerror(-ret));
}

static void add_vcpu(struct machine *m, int kvm)
{
	struct kvm_cpuid2 *cpuid;
	unsigned int i;
	int size;

	m->vcpu = ioctl(m->vm.fd, KVM_CREATE_VCPU, 0ul);
	if (m->vcpu < 0)
		fail(NULL, "KVM_CREATE_VCPU: %s", strerror(errno));
	size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0ul);
	m->run_size = size < 0 ? 0 : (size_t)size;
	m->run = size < 0 ? MAP_FAILED :
		 mmap(NULL, m->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu, 0);
	if (m->run == MAP_FAILED)
		fail(NULL, "the vCPU's shared page: %s", strerror(errno));

	cpuid = calloc(1, sizeof(*cpuid) + MAX_CPUID * sizeof(cpuid->entries[0]));
	if (!cpuid)
		fail(NULL, "out of memory");
	cpuid->nent = MAX_CPUID;
	if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid) < 0)
		fail(NULL, "the vCPU's CPUID: %s", strerror(errno));
	/* KVM has it, and does not say so here: a timer that needs no calibration */
	for (i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == CPUID_FEATURES)
			cpuid->entries[i].ecx |= CPUID_TSC_DEADLINE;
	if (ioctl(m->vcpu, KVM_SET_CPUID2, cpuid) < 0)
		fail(NULL, "the vCPU's CPUID: %s", strerror(errno));
	free(cpuid);
}

static void create_vm(struct machine *m)
{
	unsigned long type = m->protected ? KVM_X86_SW_PROTECTED_VM : KVM_X86_DEFAULT_VM;
	/* Just a local APIC: every interrupt is a message, and it has a timer */
	struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP };
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), ret;

	if (kvm < 0)
		fail("modprobe kvm-amd or kvm-intel", "/dev/kvm: %s", strerror(errno));
	m->vm.fd = ioctl(kvm, KVM_CREATE_VM, type);
	if (m->vm.fd < 0)
		fail(m->protected ? "build the kernel with CONFIG_KVM_SW_PROTECTED_VM" : NULL,
		     "KVM_CREATE_VM: %s", strerror(errno));
	if (vmm_has(&m->vm, KVM_CAP_MEMORY_DMABUF) <= 0)
		fail("load the modules of dmabuf-phys-kvm-dkms, or boot a patched kernel",
		     "KVM has no memslots of dma-bufs");
	if (ioctl(m->vm.fd, KVM_SET_TSS_ADDR, TSS_ADDRESS) < 0 ||
	    ioctl(m->vm.fd, KVM_ENABLE_CAP, &split) < 0)
		fail(NULL, "KVM's interrupt controller: %s", strerror(errno));
	ret = __vmm_memory(&m->vm, SLOT_RAM, 0, m->ram, RAM_SIZE);
	if (ret)
		fail(NULL, "the guest's memory: %s", strerror(-ret));
	add_vcpu(m, kvm);
	close(kvm);
}

void machine_create(struct machine *m)
{
	add_ram(m);
	create_vm(m);
}

/*
 * Nothing of the old vCPU has to be put back by hand. Devices are not KVM's: they, their
 * dma-bufs and what the IOMMU has of RAM know nothing of this.
 */
void machine_renew(struct machine *m)
{
	munmap(m->run, m->run_size);
	close(m->vcpu);
	close(m->vm.fd);
	/* In place: the IOMMU has these pages */
	memset(m->ram, 0, RAM_SIZE);
	create_vm(m);
}

static void do_io(struct machine *m)
{
	uint8_t *data = (uint8_t *)m->run + m->run->io.data_offset;
	bool is_write = m->run->io.direction == KVM_EXIT_IO_OUT;
	uint16_t port = m->run->io.port;
	unsigned int size = m->run->io.size, i;

	for (i = 0; i < m->run->io.count; i++, data += size) {
		if (!is_write)
			memset(data, 0xff, size);
		if (port >= 0xcf8 && port <= 0xcff)
			pci_port(m, port, data, size, is_write);
		else
			port_access(port, data, size, is_write);
	}
}

/* Where no slot is: an emulated page, or a BAR that the guest has switched off */
static void do_mmio(struct machine *m)
{
	uint64_t gpa = m->run->mmio.phys_addr;
	struct assigned *dev;
	unsigned int bar;

	if (!m->run->mmio.is_write)
		memset(m->run->mmio.data, 0xff, sizeof(m->run->mmio.data));
	pthread_mutex_lock(&m->lock);
	dev = assigned_at(m, gpa, &bar);
	m->exits += dev != NULL;
	if (dev)
		assigned_mmio(m, dev, bar, gpa - dev->bars[bar].gpa, m->run->mmio.data,
			      m->run->mmio.len, m->run->mmio.is_write);
	pthread_mutex_unlock(&m->lock);
}

static void give_up(struct machine *m, int err)
{
	struct kvm_regs regs = { 0 };

	ioctl(m->vcpu, KVM_GET_REGS, &regs);
	fail(NULL, "the guest cannot go on: exit reason %u, %s, at 0x%" PRIx64,
	     m->run->exit_reason, strerror(err), (uint64_t)regs.rip);
}

/* Memory is revoked, most likely: returns when it is worth trying again */
static void do_fault(struct machine *m)
{
	struct kvm_pre_fault_memory page = { .size = 4096 };
	struct vcpu_fault fault;

	/* Older headers do not know this part of struct kvm_run */
	memcpy(&fault, m->run->padding, sizeof(fault));
	m->faults++;
	assigned_wait(m, fault.gpa);
	/*
	 * KVM remembers for pages that they were MMIO, and takes the next access for a
	 * shared one. So it refuses that where memory has become private meanwhile, until
	 * the page is mapped by other means. This fails while it cannot be, and may.
	 */
	page.gpa = fault.gpa & ~0xfffull;
	if (m->protected && !(fault.flags & KVM_MEMORY_EXIT_FLAG_PRIVATE))
		ioctl(m->vcpu, KVM_PRE_FAULT_MEMORY, &page);
}

void machine_run(struct machine *m)
{
	int err;

	while (!m->stop) {
		err = ioctl(m->vcpu, KVM_RUN, 0ul) < 0 ? errno : 0;
		if (err == EFAULT && m->run->exit_reason == KVM_EXIT_MEMORY_FAULT) {
			do_fault(m);
			continue;
		}
		if (err == EINTR || err == EAGAIN)
			continue;
		if (!err && m->run->exit_reason == KVM_EXIT_IO)
			do_io(m);
		else if (!err && m->run->exit_reason == KVM_EXIT_MMIO)
			do_mmio(m);
		else
			give_up(m, err);
	}
}

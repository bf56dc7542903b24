// SPDX-License-Identifier: GPL-2.0
/*
 * Booting Linux without firmware: the 64-bit entry of its boot protocol
 * (Documentation/arch/x86/boot.rst), and an MP table, which says that there is a local APIC
 * and nothing else
 */
#include <asm/bootparam.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fail.h"
#include "machine.h"

#define GUEST_GDT 0x6000u
#define GUEST_PARAMS 0x7000u
#define GUEST_TABLES 0x9000u /* three pages */
#define GUEST_COMMAND_LINE 0x20000u
#define GUEST_EBDA 0x9fc00u /* the kernel looks for the MP table here */
#define GUEST_KERNEL 0x1000000u

#define ENTRY_64 0x200u
#define BOOT_CS 0x10
#define BOOT_DS 0x18

/* There is neither ACPI nor a clock to compare the TSC with */
#define COMMAND_LINE "earlycon=uart8250,io,0x3f8 keep_bootcon acpi=off tsc=reliable " \
	"nokaslr panic=-1"

#define APIC_ADDRESS 0xfee00000u

static const uint8_t *map_file(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st = { 0 };
	void *map = MAP_FAILED;

	if (fd >= 0 && !fstat(fd, &st))
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		fail(NULL, "%s: %s", path, strerror(errno));
	close(fd);
	*size = (size_t)st.st_size;
	return map;
}

static void put_checksum(uint8_t *table, size_t size, size_t at)
{
	uint8_t sum = 0;
	size_t i;

	for (i = 0; i < size; i++)
		sum = (uint8_t)(sum + table[i]);
	table[at] = (uint8_t)(table[at] - sum);
}

/* Intel's MultiProcessor Specification 1.4: a pointer, a header and a processor */
static void put_mp_table(struct machine *m)
{
	uint8_t *pointer = m->ram + GUEST_EBDA, *table = pointer + 16, *cpu = table + 44;
	const uint32_t at = GUEST_EBDA + 16, apic = APIC_ADDRESS;

	memcpy(pointer, "_MP_", 4);
	memcpy(pointer + 4, &at, 4);
	pointer[8] = 1;		/* length in units of 16 bytes */
	pointer[9] = 4;		/* version 1.4 */
	put_checksum(pointer, 16, 10);

	memcpy(table, "PCMP", 4);
	table[4] = 44 + 20;	/* length */
	table[6] = 4;
	memcpy(table + 8, "DMABUF  VMM         ", 20);
	table[34] = 1;		/* entries */
	memcpy(table + 36, &apic, 4);
	cpu[2] = 0x14;		/* version of its APIC, whose ID is 0 */
	cpu[3] = 3;		/* it works, and boots */
	put_checksum(table, 44 + 20, 7);
}

/* The first GiB, mapped to itself */
static void put_page_tables(struct machine *m)
{
	uint64_t *table = (uint64_t *)(m->ram + GUEST_TABLES), i;

	table[0] = (GUEST_TABLES + 0x1000) | PTE_TABLE;
	table[512] = (GUEST_TABLES + 0x2000) | PTE_TABLE;
	for (i = 0; i < 512; i++)
		table[1024 + i] = i << 21 | PTE_LARGE | PTE_WRITABLE | PTE_PRESENT;
}

static void put_kernel(struct machine *m, const char *kernel, const char *initrd,
		       const char *command_line)
{
	struct boot_params *params = (struct boot_params *)(m->ram + GUEST_PARAMS);
	size_t size, initrd_size, initrd_at, setup;
	const uint8_t *image = map_file(kernel, &size);
	const uint8_t *archive = map_file(initrd, &initrd_size);

	/* The header, as long as its own jump over it says */
	if (size > 4096)
		memcpy(&params->hdr, image + 0x1f1, 0x202u + image[0x201] - 0x1f1u);
	if (params->hdr.header != 0x53726448 || !(params->hdr.xloadflags & XLF_KERNEL_64))
		fail(NULL, "%s is no 64-bit bzImage", kernel);
	setup = (params->hdr.setup_sects ? params->hdr.setup_sects : 4u) * 512u + 512u;
	initrd_at = (RAM_SIZE - initrd_size) & ~0xfffull;
	if (initrd_size > RAM_SIZE || setup > size ||
	    initrd_at < GUEST_KERNEL + (uint64_t)params->hdr.init_size)
		fail(NULL, "%s and %s do not fit into the guest's memory", kernel, initrd);
	memcpy(m->ram + GUEST_KERNEL, image + setup, size - setup);
	memcpy(m->ram + initrd_at, archive, initrd_size);
	snprintf((char *)m->ram + GUEST_COMMAND_LINE, 1024, COMMAND_LINE " %s", command_line);

	params->hdr.type_of_loader = 0xff;
	params->hdr.cmd_line_ptr = GUEST_COMMAND_LINE;
	params->hdr.ramdisk_image = (uint32_t)initrd_at;
	params->hdr.ramdisk_size = (uint32_t)initrd_size;
	params->e820_entries = 2;
	params->e820_table[0] = (struct boot_e820_entry){ 0, GUEST_EBDA, 1 };
	params->e820_table[1] = (struct boot_e820_entry){ 1 << 20, RAM_SIZE - (1 << 20), 1 };
}

static void set_registers(struct machine *m)
{
	struct kvm_segment data = {
		.limit = UINT32_MAX, .selector = BOOT_DS, .type = 3,
		.present = 1, .db = 1, .s = 1, .g = 1,
	};
	struct kvm_regs regs = {
		.rip = GUEST_KERNEL + ENTRY_64,
		.rsi = GUEST_PARAMS,
		.rflags = 2,
	};
	uint64_t *gdt = (uint64_t *)(m->ram + GUEST_GDT);
	struct kvm_sregs sregs;

	gdt[BOOT_CS / 8] = 0x00af9b000000ffffull;
	gdt[BOOT_DS / 8] = 0x00cf93000000ffffull;
	if (ioctl(m->vcpu, KVM_GET_SREGS, &sregs) < 0)
		fail(NULL, "the vCPU's registers: %s", strerror(errno));
	sregs.ds = data;
	sregs.es = data;
	sregs.ss = data;
	sregs.cs = data;
	sregs.cs.selector = BOOT_CS;
	sregs.cs.type = 11;
	sregs.cs.db = 0;
	sregs.cs.l = 1;
	sregs.gdt.base = GUEST_GDT;
	sregs.gdt.limit = 4 * 8 - 1;
	sregs.cr0 = 1u << 31 | 1u << 4 | 1u; /* PG, ET, PE */
	sregs.cr3 = GUEST_TABLES;
	sregs.cr4 = 1u << 5; /* PAE */
	sregs.efer = 1u << 10 | 1u << 8; /* LMA, LME */
	if (ioctl(m->vcpu, KVM_SET_SREGS, &sregs) < 0 ||
	    ioctl(m->vcpu, KVM_SET_REGS, &regs) < 0)
		fail(NULL, "the vCPU's registers: %s", strerror(errno));
}

void boot_linux(struct machine *m, const char *kernel, const char *initrd,
		const char *command_line)
{
	put_kernel(m, kernel, initrd, command_line);
	put_mp_table(m);
	put_page_tables(m);
	set_registers(m);
}

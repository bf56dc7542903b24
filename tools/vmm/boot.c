// SPDX-License-Identifier: GPL-2.0
/*
 * Booting Linux without firmware: the 64-bit entry of its boot protocol
 * (Documentation/arch/x86/boot.rst), and an MP table, which says that there is a local APIC
 * and nothing else
 */
#include <asm/bootparam.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
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

#define PTE_TABLE 0x3ull
#define PTE_LARGE 0x83ull

#define APIC_ADDRESS 0xfee00000u

static void read_file(const char *path, uint8_t *to, size_t room, size_t skip)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = -1;
	size_t size = 0;

	if (fd >= 0)
		while ((got = pread(fd, to + size, room - size, (off_t)(skip + size))) > 0)
			size += (size_t)got;
	if (got)
		fail(NULL, "%s: %s", path, strerror(errno));
	close(fd);
}

static size_t file_size(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		fail(NULL, "%s: %s", path, strerror(errno));
	return (size_t)st.st_size;
}

struct mp_tables {
	struct {
		char signature[4];
		uint32_t table;
		uint8_t length, version, checksum, features[5];
	} pointer;
	struct {
		char signature[4];
		uint16_t length;
		uint8_t version, checksum;
		char oem[8], product[12];
		uint32_t oem_table;
		uint16_t oem_size, nr_entries;
		uint32_t apic;
		uint32_t reserved;
	} head;
	struct {
		uint8_t type, apic_id, apic_version, flags;
		uint32_t signature, features, reserved[2];
	} cpu;
} __attribute__((packed));

static uint8_t checksum(const void *data, size_t size)
{
	const uint8_t *byte = data;
	uint8_t sum = 0;

	while (size--)
		sum = (uint8_t)(sum + *byte++);
	return (uint8_t)-sum;
}

static void put_mp_tables(struct machine *m)
{
	struct mp_tables mp = {
		.pointer = {
			.signature = "_MP_",
			.table = GUEST_EBDA + sizeof(mp.pointer),
			.length = 1,
			.version = 4,
		},
		.head = {
			.signature = "PCMP",
			.length = sizeof(mp) - sizeof(mp.pointer),
			.version = 4,
			.oem = "DMABUF  ",
			.product = "VMM         ",
			.nr_entries = 1,
			.apic = APIC_ADDRESS,
		},
		.cpu = { .type = 0, .apic_version = 0x14, .flags = 3 },
	};

	mp.head.checksum = checksum(&mp.head, sizeof(mp) - sizeof(mp.pointer));
	mp.pointer.checksum = checksum(&mp.pointer, sizeof(mp.pointer));
	memcpy(m->ram + GUEST_EBDA, &mp, sizeof(mp));
}

/* The first GiB, mapped to itself */
static void put_page_tables(struct machine *m)
{
	uint64_t *table = (uint64_t *)(m->ram + GUEST_TABLES), i;

	table[0] = (GUEST_TABLES + 0x1000) | PTE_TABLE;
	table[512] = (GUEST_TABLES + 0x2000) | PTE_TABLE;
	for (i = 0; i < 512; i++)
		table[1024 + i] = i << 21 | PTE_LARGE;
}

static void put_kernel(struct machine *m, const char *kernel, const char *initrd,
		       const char *command_line)
{
	struct boot_params *params = (struct boot_params *)(m->ram + GUEST_PARAMS);
	size_t initrd_size = file_size(initrd), initrd_at, setup;
	uint8_t head[4096];

	read_file(kernel, m->ram + GUEST_KERNEL, RAM_SIZE - GUEST_KERNEL, 0);
	memcpy(head, m->ram + GUEST_KERNEL, sizeof(head));
	memcpy(&params->hdr, head + 0x1f1, 0x202 + head[0x201] - 0x1f1);
	if (params->hdr.header != 0x53726448 || !(params->hdr.xloadflags & XLF_KERNEL_64))
		fail(NULL, "%s is no 64-bit bzImage", kernel);
	setup = (params->hdr.setup_sects ? params->hdr.setup_sects : 4u) * 512u + 512u;
	read_file(kernel, m->ram + GUEST_KERNEL, RAM_SIZE - GUEST_KERNEL, setup);

	initrd_at = (RAM_SIZE - initrd_size) & ~0xfffull;
	if (initrd_size > RAM_SIZE ||
	    initrd_at < GUEST_KERNEL + (uint64_t)params->hdr.init_size)
		fail(NULL, "%s and %s do not fit into the guest's memory", kernel, initrd);
	read_file(initrd, m->ram + initrd_at, RAM_SIZE - initrd_at, 0);
	strcpy((char *)m->ram + GUEST_COMMAND_LINE, command_line);

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
	put_mp_tables(m);
	put_page_tables(m);
	set_registers(m);
}

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the VMM share: the machine, and what each of them does for it
 */
#ifndef VMM_MACHINE_H
#define VMM_MACHINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices/kvm.h"
#include "devices/vfio.h"

#define RAM_SIZE (256ull << 20)

/* Where BARs may be: below are RAM and nothing, above the interrupt controllers */
#define PCI_WINDOW 0xc0000000ull
#define PCI_WINDOW_END 0xfec00000ull

#define MAX_DEVICES 4
#define MAX_VECTORS 16
#define MAX_PIECES 2

/**
 * struct piece - a run of a BAR's pages that the guest accesses by itself
 * @offset: in the BAR, bytes
 * @size: bytes
 * @in_dmabuf: its offset in the BAR's dma-buf, which has no gaps
 * @slot: the memslot that shows it
 */
struct piece {
	uint64_t offset;
	uint64_t size;
	uint64_t in_dmabuf;
	uint32_t slot;
};

/**
 * struct bar - a memory BAR
 * @size: bytes, 0 if there is none
 * @is_64: the next BAR's register is the upper half of the address
 * @dmabuf: of all pieces, one after the other; -1 if there are none
 * @watch: tells when the dma-buf is revoked and restored
 * @pieces: all pages but those that are emulated
 * @nr_pieces: how many
 * @gpa: where the guest has it, 0 if nowhere
 */
struct bar {
	uint64_t size;
	bool is_64;
	int dmabuf;
	int watch;
	struct piece pieces[MAX_PIECES];
	unsigned int nr_pieces;
	uint64_t gpa;
};

/**
 * struct vector - an interrupt of MSI-X
 * @entry: what the guest has in the table: address, address, data, control
 * @eventfd: VFIO signals it, and KVM injects
 * @requested: VFIO has @eventfd
 * @injected: KVM has @eventfd
 */
struct vector {
	uint32_t entry[4];
	int eventfd;
	bool requested;
	bool injected;
};

/**
 * struct assigned - a device that the guest has
 * @vfio: the device, as VFIO has it
 * @index: number of the device, from 0
 * @memory: the guest has memory enabled
 * @bars: its BARs
 * @msix: offset of the MSI-X capability
 * @msix_control: its control register
 * @table_bar: BAR of the MSI-X table
 * @table: offset of the table in it, bytes
 * @nr_vectors: entries of the table
 * @vectors: the first of them, which is as many as a guest with one CPU takes
 */
struct assigned {
	struct vfio_device vfio;
	unsigned int index;
	bool memory;
	struct bar bars[6];
	unsigned int msix;
	uint16_t msix_control;
	unsigned int table_bar;
	uint32_t table;
	unsigned int nr_vectors;
	struct vector vectors[MAX_VECTORS];
};

/**
 * struct machine - the VM
 * @vm: its descriptor, for the library's calls
 * @protected: of type KVM_X86_SW_PROTECTED_VM, BARs are private memory
 * @ram: what the guest has from address 0 on, %RAM_SIZE bytes
 * @vcpu: descriptor of the only vCPU
 * @run: what KVM shares of it
 * @run_size: bytes of it
 * @iommufd: for all devices
 * @ioas: the guest's memory, as they see it
 * @devices: which it has
 * @nr_devices: how many
 * @config_address: what the guest has written to port 0xcf8
 * @lock: protects @devices against the other thread
 * @faults: how often the guest found memory revoked
 * @stop: the vCPU's thread shall end
 */
struct machine {
	struct vmm vm;
	bool protected;
	uint8_t *ram;
	int vcpu;
	struct kvm_run *run;
	size_t run_size;
	int iommufd;
	uint32_t ioas;
	struct assigned devices[MAX_DEVICES];
	unsigned int nr_devices;
	uint32_t config_address;
	pthread_mutex_t lock; /* see above */
	unsigned int faults;
	volatile bool stop;
};

/* machine.c: KVM's part */

/** machine_create - make the VM, its RAM and its vCPU */
void machine_create(struct machine *m);

/** machine_run - run the vCPU until m->stop */
void machine_run(struct machine *m);

/* boot.c */

/**
 * boot_linux - put a kernel into RAM and the vCPU at its beginning
 * @m: the machine
 * @kernel: path of a bzImage
 * @initrd: path
 * @command_line: the kernel's
 */
void boot_linux(struct machine *m, const char *kernel, const char *initrd,
		const char *command_line);

/* assigned.c */

/**
 * assigned_add - give the guest a device
 * @m: the machine
 * @addr: PCI address on the host
 *
 * It becomes the guest's next free one: 00:01.0, 00:02.0 ...
 */
void assigned_add(struct machine *m, const char *addr);

/** assigned_remove - take it from the guest; the vCPU does not run any more */
void assigned_remove(struct machine *m, struct assigned *dev);

/** assigned_map - have the guest see each BAR where it wants to, or not at all */
void assigned_map(struct machine *m, struct assigned *dev);

/**
 * assigned_at - find what is at an address
 * @m: the machine
 * @gpa: where
 * @bar: receives the number of the BAR
 *
 * Return: the device, or NULL.
 */
struct assigned *assigned_at(struct machine *m, uint64_t gpa, unsigned int *bar);

/**
 * assigned_wait - the guest has found a BAR revoked: wait until that may have changed
 * @m: the machine
 * @gpa: where
 */
void assigned_wait(struct machine *m, uint64_t gpa);

/**
 * assigned_mmio - do an access to a page that is emulated
 * @dev: the device
 * @bar: number of the BAR
 * @offset: in it, bytes
 * @data: bytes to write, or receives what is read
 * @size: how many
 * @is_write: which
 * @m: the machine
 */
void assigned_mmio(struct machine *m, struct assigned *dev, unsigned int bar,
		   uint64_t offset, uint8_t *data, unsigned int size, bool is_write);

/* pci.c */

/** pci_place_bars - give all BARs addresses, as firmware does */
void pci_place_bars(struct machine *m);

/**
 * pci_port - an access to the ports 0xcf8 to 0xcff
 * @m: the machine
 * @port: which
 * @data: bytes to write, or receives what is read
 * @size: how many
 * @is_write: which
 */
void pci_port(struct machine *m, uint16_t port, uint8_t *data, unsigned int size,
	      bool is_write);

/* msix.c */

/** msix_init - find the device's MSI-X capability */
void msix_init(struct assigned *dev);

/** msix_update - have VFIO and KVM do what the guest's table and control say */
void msix_update(struct machine *m, struct assigned *dev);

/**
 * msix_table - an access to the MSI-X table
 * @m: the machine
 * @dev: the device
 * @offset: in the table, bytes
 * @data: bytes to write, or receives what is read
 * @size: how many
 * @is_write: which
 */
void msix_table(struct machine *m, struct assigned *dev, uint64_t offset, uint8_t *data,
		unsigned int size, bool is_write);

/* port.c: lines of text from and to the program in the guest, and its console */

/** port_console - where the guest's console goes */
void port_console(const char *path);

/** port_access - an access to an I/O port that is not PCI's */
void port_access(uint16_t port, uint8_t *data, unsigned int size, bool is_write);

/**
 * port_command - have the guest do something
 * @fmt: the line that it gets, as printf()
 */
void port_command(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * port_reply - wait for a line of the guest
 * @line: receives it, without its end
 * @size: of @line, bytes
 * @seconds: how long to wait
 *
 * Return: whether there was one.
 */
bool port_reply(char *line, size_t size, unsigned int seconds);

#endif /* VMM_MACHINE_H */

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the VMM share: the machine, and what each of them does for it
 */
#ifndef VMM_MACHINE_H
#define VMM_MACHINE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices/kvm.h"
#include "devices/vfio.h"

#define RAM_SIZE (256ull << 20)

/* Where BARs may be: RAM and nothing are below, the interrupt controllers above */
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
 * @dmabuf: of all pieces, one after the other
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
 * @msix: offset of the MSI-X capability, 0 if there is none
 * @msix_control: its control register
 * @table_bar: BAR of the MSI-X table
 * @table: offset of the table in it, bytes
 * @nr_vectors: entries of the table
 * @vectors: the first of them: as many as a guest with one CPU takes
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
 * @protected: of type KVM_X86_SW_PROTECTED_VM; BARs are private memory then
 * @ram: what the guest has from address 0 on
 * @vcpu: descriptor of the only vCPU
 * @run: what KVM shares of it
 * @run_size: bytes of that
 * @iommufd: for all devices
 * @ioas: the guest's memory, as they see it
 * @devices: which it has
 * @nr_devices: how many
 * @config_address: what the guest has written to port 0xcf8
 * @lock: protects @devices against the other thread
 * @faults: how often the guest found memory revoked
 * @exits: how often it accessed a BAR through this program
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
	unsigned int exits;
	atomic_bool stop;
};

/** machine_create - make the VM, its RAM and its vCPU */
void machine_create(struct machine *m);

/** machine_renew - another VM in its place, with the same RAM, empty; its devices stay */
void machine_renew(struct machine *m);

/** machine_run - run the vCPU until m->stop */
void machine_run(struct machine *m);

/** boot_linux - put a bzImage and an initrd into RAM, and the vCPU at their beginning */
void boot_linux(struct machine *m, const char *kernel, const char *initrd,
		const char *command_line);

/** assigned_add - give the guest a device of the host: 00:01.0, the next is 00:02.0 */
void assigned_add(struct machine *m, const char *addr);

/** assigned_reset - as after power-on, and in no VM; the vCPU does not run */
void assigned_reset(struct machine *m, struct assigned *dev);

/** assigned_remove - take it from the guest, which does not use it any more */
void assigned_remove(struct machine *m, struct assigned *dev);

/** assigned_map - have the guest see each BAR where it wants to, or not at all */
void assigned_map(struct machine *m, struct assigned *dev);

/** assigned_at - which device, and which of its BARs, is at an address; or NULL */
struct assigned *assigned_at(struct machine *m, uint64_t gpa, unsigned int *number);

/** assigned_wait - memory is revoked there: wait until that may have changed */
void assigned_wait(struct machine *m, uint64_t gpa);

/*
 * Accesses that KVM leaves to the VMM. @data has what is written, or receives what is
 * read; it comes as all ones, which is what nobody says.
 */

/** assigned_mmio - to a page of a BAR that is emulated, @offset bytes into the BAR */
void assigned_mmio(struct machine *m, struct assigned *dev, unsigned int number,
		   uint64_t offset, uint8_t *data, unsigned int size, bool is_write);

/** msix_table - to the MSI-X table, @offset bytes into it */
void msix_table(struct machine *m, struct assigned *dev, uint64_t offset, uint8_t *data,
		unsigned int size, bool is_write);

/** pci_port - to the ports 0xcf8 to 0xcff */
void pci_port(struct machine *m, uint16_t port, uint8_t *data, unsigned int size,
	      bool is_write);

/** port_access - to any other I/O port */
void port_access(uint16_t port, uint8_t *data, unsigned int size, bool is_write);

/** pci_place_bars - give all BARs addresses, as firmware does */
void pci_place_bars(struct machine *m);

/** msix_init - find the device's MSI-X capability */
void msix_init(struct assigned *dev);

/** msix_reset - off, and every vector masked */
void msix_reset(struct machine *m, struct assigned *dev);

/** msix_update - have VFIO and KVM do what the guest's table and control say */
void msix_update(struct machine *m, struct assigned *dev);

/** port_console - where the guest's console goes */
void port_console(const char *path);

/** port_reset - forget commands and lines of a guest that is no more */
void port_reset(void);

/** port_command - have the program in the guest do something, see guest.c */
void port_command(const char *line);

/** port_reply - wait that many seconds for what it says; Return: whether it did */
bool port_reply(char *line, size_t size, unsigned int seconds);

#endif /* VMM_MACHINE_H */

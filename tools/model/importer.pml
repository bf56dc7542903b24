// SPDX-License-Identifier: GPL-2.0-only
/*
 * An importer that does all that "struct dma_buf_phys_importer_ops" allows, at random: its
 * device is stopped by the callback, or leaves a fence and runs on; it unmaps in the
 * callback, or late from a work item; it maps in the callback, or at the next use. One
 * who maps waits for a copy with the reservation lock held, as ib_umem_dmabuf_map_pages() does.
 *
 * Those of LATE map at their next use only: ib_umem_phys_map() of RDMA, and whatever imports
 * by scatterlist. They need not detach in the critical section of the last unmap. As
 * dma_buf_phys_sgt_attach() looks at the state in a critical section of its own, a buffer
 * may have any state by the time that they have attached.
 *
 * Critical sections are atomic as far as nobody looks in who does not hold the lock.
 *
 * The device starts transfers by itself, as the engine of edu_ib does: edu_engine_start().
 */
#if BROKEN == 12	/* so does an importer that maps when it is notified */
#define DETACHES_LATER(i)	true
#else
#define DETACHES_LATER(i)	MAPS_LATE(i)	/* dma_buf_phys_detach() */
#endif

byte cur[2] = NONE;	/* the mapping that the device may use */
byte old[2] = NONE;	/* the one that is to be unmapped */
byte busy[2] = NONE;	/* the place of a transfer that has not ended */

inline importer_map(i)
{
	dma_buf_phys_map(mapping);
	if
	:: mapping != NONE ->
#if BROKEN != 19	/* does not wait for a copy */
		fences_signaled_kernel;
#endif
		cur[i] = mapping
	:: else
	fi
}

inline importer_notify(i, event)
{
	if
	:: event != RESTORE && cur[i] != NONE ->
		assert(old[i] == NONE);
		/* No transfer starts from here on; wait for this one, or leave a fence */
		mapping = cur[i];
#if BROKEN != 23	/* waits first, so that another one can start */
		cur[i] = NONE;
#endif
		if
		:: true -> busy[i] == NONE
		:: LEAVES_FENCES(i) && busy[i] != NONE -> fence[i] = true
		fi;
#if BROKEN == 23
		cur[i] = NONE;
#endif
		if
		:: dma_buf_phys_unmap(mapping)
		:: old[i] = mapping
		fi
	:: else
	fi;
	if
	:: cur[i] == NONE && !MAPS_LATE(i) -> importer_map(i)	/* on any event */
	:: true
	fi;
	mapping = NONE;
	told[i] = true
}

proctype importer_device(byte i)
{
end:	do
	:: atomic { cur[i] != NONE && busy[i] == NONE -> ACCESS(cur[i]); busy[i] = cur[i] }
	:: atomic { busy[i] != NONE -> ACCESS(busy[i]); busy[i] = NONE; fence[i] = false }
	od
}

/* The work item that unmaps late */
proctype importer_unmap(byte i)
{
	bool woken;

end:	do
	:: old[i] != NONE && !fence[i] ->
		dma_resv_lock();
		if
		:: old[i] != NONE && !fence[i] ->
			dma_buf_phys_unmap(old[i]);
			old[i] = NONE
		:: else
		fi;
		dma_resv_unlock()
	od
}

/* A program: any number of attachments, one at a time */
proctype importer(byte i)
{
	byte mapping = NONE;
	bool woken;

	do
	:: atomic {
			dma_resv_lock();	/* phys_attach_locked() */
			told[i] = true;
#if BROKEN == 8	/* joins the attachments after the lock is dropped */
			dma_resv_unlock();
		}
		attached[i] = true;
#else
			attached[i] = MAPS_LATE(i) || state != DEAD;
			dma_resv_unlock()
		}
#endif
		if
		:: attached[i]
		:: else -> break
		fi;
		do
		:: atomic {
				dma_resv_lock();
				if
				:: cur[i] == NONE -> importer_map(i)
				:: else
				fi;
				mapping = NONE;
				dma_resv_unlock()
			}
		:: break
		od;
		/* In one critical section: stop the device, unmap, detach */
		atomic {
			leave(true);
			dma_resv_lock();
			!fence[i];
			if
			:: old[i] != NONE -> dma_buf_phys_unmap(old[i]); old[i] = NONE
			:: else
			fi;
			mapping = cur[i];
			cur[i] = NONE;
			busy[i] == NONE;
			if
			:: mapping != NONE -> dma_buf_phys_unmap(mapping)
			:: else
			fi;
			mapping = NONE;
			if
			:: DETACHES_LATER(i) -> dma_resv_unlock()
			:: else
			fi
		}
		atomic {
			if
			:: DETACHES_LATER(i) -> dma_resv_lock()
			:: else
			fi;
			attached[i] = false;	/* dma_buf_phys_detach_locked() */
			leave(false);
			dma_resv_unlock()
		}
	:: break
	od;
	users--			/* dma_buf_put() */
}

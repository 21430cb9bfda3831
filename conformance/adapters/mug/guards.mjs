// The guards A to D of revision 73, as overrides of the shipped class's methods; each can be chosen by itself.

export function guarded(Game, chosen) {
  const has = (guard) => chosen.includes(guard);
  return class extends Game {
    rollbackIsDueOrUnderWay() {
      return this.rollbackInProgress || (this.pendingRollbackFrame ?? null) !== null;
    }

    // A (BUF-4): nothing is promoted while a rollback is pending or in progress.
    _promoteConfirmedFrames() {
      if (!has('A') || !this.rollbackIsDueOrUnderWay()) super._promoteConfirmedFrames();
    }

    // B (BUF-5): the confirmed frame does not advance while a rollback is in progress.
    async _updateConfirmedFrame() {
      if (!has('B') || !this.rollbackInProgress) await super._updateConfirmedFrame();
    }

    // C (EP-5): each poll of the wait executes a pending rollback before it looks; otherwise it is the shipped wait.
    async _waitForInputConfirmation(timeoutMs) {
      if (!has('C') || timeoutMs <= 0) return super._waitForInputConfirmation(timeoutMs);
      const target = (this.p2pEpisodeSync.syncedTerminationFrame ?? this.frameNumber) - 1;
      const players = this._getHumanPlayerIds();
      const begun = performance.now();
      for (;;) {
        this._processQueuedInputs();
        await this.executePendingRollback(players);
        const complete = this._hasAllInputsForFrame(target, players);
        if (complete) await this._updateConfirmedFrame();
        if (complete || performance.now() - begun >= timeoutMs) return complete;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }

    async executePendingRollback(players) {
      const frame = this.pendingRollbackFrame ?? null;
      if (frame === null || this.rollbackInProgress) return;
      this.pendingRollbackFrame = null;
      await this.performRollback(frame, players);
    }

    // D (EP-8, as written): forced promotion with a rollback pending is warned of, and done all the same.
    _promoteRemainingAtBoundary() {
      if (has('D') && this.rollbackIsDueOrUnderWay()) console.warn('[Episode Boundary] a rollback is still pending');
      super._promoteRemainingAtBoundary();
    }
  };
}

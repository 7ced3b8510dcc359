/* As `utils/errors.py`: the one kind of error that is meant for the person at the screen. */

/** Something the user can put right. Its message is one line: what is wrong, and what to do. */
export class DigitsError extends Error {
  constructor(message) {
    super(message);
    this.name = this.constructor.name;
  }
}

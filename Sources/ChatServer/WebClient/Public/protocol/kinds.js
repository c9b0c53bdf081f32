// What an event is (docs/PROTOCOL.md section 18.4).

export const kinds = Object.freeze({
  message: 0, edit: 1, delete: 2, react: 3, unreact: 4, pin: 5, unpin: 6, notice: 7, joined: 32, left: 33, created: 36, void: 37, renamed: 38,
});

/** Whether an event says something of its own. @param {import("./connection.js").Frame} event */
export const isMessage = ({ kind = kinds.message }) => kind === kinds.message || kind === kinds.notice;

/** Whether an event changes another one, or says so of what is on its way. @param {{kind?: number}} event */
export const isChange = ({ kind = kinds.message }) => kind >= kinds.edit && kind <= kinds.unpin;

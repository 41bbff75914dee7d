export const logInGoSendxmpp = async () => { throw new Error('todo') };

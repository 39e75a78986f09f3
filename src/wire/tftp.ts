/** TFTP, RFC 1350, with the options of RFC 2347: an operation of 16 bits, then text ended by zeros, or a block's number and
 * its data. */
export const OP_READ = 1;
export const OP_WRITE = 2;
export const OP_DATA = 3;
export const OP_ACK = 4;
export const OP_ERROR = 5;
export const OP_OACK = 6;

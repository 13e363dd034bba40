// The environment of Container Apps that all services run in.
param prefix string
param location string
param tags object
@description('The subnet of the services; empty: a network of Azure\'s own.')
param subnetId string
@description('Whether a profile for workers with a GPU is there.')
param gpu bool
@description('Whether the page is in it, which browsers reach. Nothing else takes requests from outside.')
param page bool

resource environment 'Microsoft.App/managedEnvironments@2026-01-01' = {
  name: prefix
  location: location
  tags: tags
  properties: {
    appLogsConfiguration: { destination: 'azure-monitor' } // Log Analytics itself would take a key
    peerTrafficConfiguration: { encryption: { enabled: true } }
    publicNetworkAccess: page ? 'Enabled' : 'Disabled'
    // `internal` can't be changed later, when the page comes; the line above can.
    vnetConfiguration: empty(subnetId) ? null : { infrastructureSubnetId: subnetId, internal: false }
    workloadProfiles: concat([{ name: 'Consumption', workloadProfileType: 'Consumption' }], gpu ? [{ name: 'gpu', workloadProfileType: 'Consumption-GPU-NC8as-T4' }] : [])
  }
}

output id string = environment.id
output name string = environment.name
@description('Where browsers find the page: the name of its app, in this environment\'s domain.')
output pageHost string = '${prefix}-web.${environment.properties.defaultDomain}'

// The two accounts: `media` for what people bring and take, `work` for records, shards and queues.
param prefix string
param location string
param tags object
@description('Containers and queues, as in storage.json.')
param names object
@description('Whether only private endpoints, trusted services and the addresses below get in.')
param private bool
@description('Public addresses, or ranges of them, from which people upload and download all the same.')
param peopleAddresses array
@description('Where the page comes from that may send files to `media`; empty: nothing may.')
param pageOrigin string

var suffix = uniqueString(resourceGroup().id)
var poison = map(names.queues, name => '${name}-poison')
var queueNames = concat(names.queues, poison)

resource media 'Microsoft.Storage/storageAccounts@2026-04-01' = {
  //checkov:skip=CKV_AZURE_35:closed where `private` is set, as in prod; checkov doesn't work out the expression
  //checkov:skip=CKV_AZURE_59:its firewall is closed where `private` is set; Event Grid gets in as a trusted service
  //checkov:skip=CKV_AZURE_43:checkov doesn't work out the name: letters and digits, 24 at most
  //checkov:skip=CKV_AZURE_206:three zones keep it; a second region would cost as much again
  name: take('${prefix}media${suffix}', 24)
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_ZRS' }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    allowedCopyScope: 'AAD'
    defaultToOAuthAuthentication: true
    isHnsEnabled: false
    isLocalUserEnabled: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    sasPolicy: { expirationAction: 'Block', sasExpirationPeriod: '7.00:00:00' }
    publicNetworkAccess: 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: private ? 'Deny' : 'Allow'
      ipRules: [for address in peopleAddresses: { value: address, action: 'Allow' }]
    }
  }
}

resource work 'Microsoft.Storage/storageAccounts@2026-04-01' = {
  //checkov:skip=CKV_AZURE_35:closed where `private` is set, as in prod; checkov doesn't work out the expression
  //checkov:skip=CKV_AZURE_59:its firewall is closed where `private` is set; Event Grid gets in as a trusted service
  //checkov:skip=CKV_AZURE_43:checkov doesn't work out the name: letters and digits, 24 at most
  //checkov:skip=CKV_AZURE_206:what is lost of it is made again from the input
  name: take('${prefix}work${suffix}', 24)
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    allowedCopyScope: 'AAD'
    defaultToOAuthAuthentication: true
    isHnsEnabled: false
    isLocalUserEnabled: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: 'Enabled'
    networkAcls: {
      bypass: 'AzureServices' // Event Grid delivers to a queue of this account
      defaultAction: private ? 'Deny' : 'Allow'
    }
  }
}

resource mediaBlobs 'Microsoft.Storage/storageAccounts/blobServices@2026-04-01' = {
  parent: media
  name: 'default'
  properties: {
    isVersioningEnabled: true
    deleteRetentionPolicy: { enabled: true, days: 7 }
    containerDeleteRetentionPolicy: { enabled: true, days: 7 }
    cors: {
      corsRules: empty(pageOrigin) ? [] : [
        {
          allowedOrigins: [pageOrigin]
          allowedMethods: ['GET', 'HEAD', 'PUT', 'OPTIONS']
          allowedHeaders: ['content-type', 'if-none-match', 'x-ms-*']
          exposedHeaders: ['etag', 'x-ms-*']
          maxAgeInSeconds: 3600
        }
      ]
    }
  }
}

// With either of these on, every frame that was swept would be kept, and paid for.
resource workBlobs 'Microsoft.Storage/storageAccounts/blobServices@2026-04-01' = {
  parent: work
  name: 'default'
  properties: {
    isVersioningEnabled: false
    deleteRetentionPolicy: { enabled: false }
    containerDeleteRetentionPolicy: { enabled: false }
  }
}

resource workQueues 'Microsoft.Storage/storageAccounts/queueServices@2026-04-01' = {
  parent: work
  name: 'default'
}

resource mediaContainers 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01' = [for name in names.media: {
  parent: mediaBlobs
  name: name
  properties: { publicAccess: 'None' }
}]

resource workContainers 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01' = [for name in names.work: {
  parent: workBlobs
  name: name
  properties: { publicAccess: 'None' }
}]

resource deadLetters 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01' = {
  parent: workBlobs
  name: 'dead-letters'
  properties: { publicAccess: 'None' }
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices/queues@2026-04-01' = [for name in queueNames: {
  parent: workQueues
  name: name
}]

resource mediaLifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2026-04-01' = {
  parent: media
  name: 'default'
  dependsOn: [mediaBlobs]
  properties: {
    policy: {
      rules: [
        {
          name: 'outputs-cool-down'
          type: 'Lifecycle'
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: ['output/'] }
            actions: {
              baseBlob: {
                tierToCool: { daysAfterModificationGreaterThan: 30 }
                tierToCold: { daysAfterModificationGreaterThan: 90 }
              }
            }
          }
        }
        {
          name: 'old-versions-go'
          type: 'Lifecycle'
          definition: {
            filters: { blobTypes: ['blockBlob'] }
            actions: { version: { delete: { daysAfterCreationGreaterThan: 30 } } }
          }
        }
      ]
    }
  }
}

resource workLifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2026-04-01' = {
  parent: work
  name: 'default'
  dependsOn: [workBlobs]
  properties: {
    policy: {
      rules: [
        {
          name: 'intermediates'
          type: 'Lifecycle'
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: ['shards/', 'scored/', 'segments/'] }
            actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: 14 } } }
          }
        }
        {
          name: 'logs'
          type: 'Lifecycle'
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: ['logs/', 'dead-letters/'] }
            actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: 30 } } }
          }
        }
        {
          name: 'records'
          type: 'Lifecycle'
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: ['jobs/'] }
            actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: 365 } } }
          }
        }
      ]
    }
  }
}

output mediaName string = media.name
output mediaId string = media.id
output mediaUrl string = media.properties.primaryEndpoints.blob
output workName string = work.name
output workId string = work.id
output workUrl string = work.properties.primaryEndpoints.blob
output workQueueUrl string = work.properties.primaryEndpoints.queue
